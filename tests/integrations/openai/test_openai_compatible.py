"""Servers that deviate from OpenAI's API: the caller gets what they send, and the record has what can be read."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import openai
import pytest

from baserun.store import StoredCall, StoredUsage
from baserun.testing import Captured

CHAT: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
EVENTS = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"

Answering = Callable[..., openai.OpenAI]


def event(value: Any, end: str = "\n\n", start: str = "data: ") -> bytes:
    return (start + json.dumps(value, ensure_ascii=False) + end).encode()


def chunk(delta: Any, finish_reason: str | None = None, **others: Any) -> Any:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "c", "model": "m-1", "choices": [choice], **others}


def events(*values: Any, end: str = "\n\n", start: str = "data: ") -> list[bytes]:
    return [event(value, end, start) for value in values]


HELLO = (chunk({"role": "assistant", "content": "Hé"}), chunk({"content": "llo 😀"}), chunk({}, "stop"))
WHOLE = b"".join(events(*HELLO))

STREAMS: dict[str, tuple[str, list[bytes]]] = {
    "plain": (EVENTS, [*events(*HELLO), DONE]),
    "comments": (EVENTS, [b": PROCESSING\n\n", *events(*HELLO), b":\n\n", DONE]),
    "CRLF": (EVENTS, [*events(*HELLO, end="\r\n\r\n"), b"data: [DONE]\r\n\r\n"]),
    "no space": (EVENTS, [*events(*HELLO, start="data:"), DONE]),
    "names and ids": (EVENTS, [b"event: message\nid: 1\n" + each for each in events(*HELLO)]),
    "no DONE": (EVENTS, events(*HELLO)),
    "no end": (EVENTS, [WHOLE.rstrip()]),
    "byte by byte": (EVENTS, [WHOLE[place : place + 1] for place in range(len(WHOLE))]),
    "all at once": (EVENTS, [WHOLE + DONE]),
    "called JSON": ("application/json", [*events(*HELLO), DONE]),
    "called text": ("text/plain", [*events(*HELLO), DONE]),
    "called nothing": ("", [*events(*HELLO), DONE]),
    "empty and null choices": (EVENTS, events({"choices": []}, {"choices": None}, {"id": "c"}, *HELLO)),
    "null delta": (EVENTS, events(*HELLO, {"choices": [{"index": 0, "delta": None}]})),
    "more members": (EVENTS, events(*HELLO, {"object": "x", "choices": [], "x_groq": {"id": 1}})),
    "whole message": (EVENTS, events({**HELLO[0], "choices": [{"message": {"content": "Héllo 😀"}}]}, HELLO[2])),
}


@pytest.mark.parametrize("case", STREAMS)
def test_stream(answering: Answering, captured: Captured, case: str) -> None:
    """A stream is read in any notation of its events, and with any content type."""
    content_type, chunks = STREAMS[case]

    with answering(*chunks, content_type=content_type) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert (call.status, call.stream, call.stream_end) == ("ok", True, "complete")
    assert call.output == [{"role": "assistant", "content": "Héllo 😀"}]
    assert (call.response_id, call.response_model, call.finish_reasons) == ("c", "m-1", ["stop"])
    assert call.time_to_first_token_ms is not None


def whole(message: Any, **others: Any) -> Any:
    return {"id": "c", "choices": [{"index": 0, "message": message, "finish_reason": "stop", **others}]}


@pytest.mark.parametrize("others", [{}, {"delta": {}}, {"delta": None}])
@pytest.mark.parametrize("message", [{"role": "assistant", "content": "Héllo 😀"}, {"content": ""}, {"content": None}])
def test_whole_message_after_its_deltas(
    answering: Answering, captured: Captured, message: Any, others: dict[str, Any]
) -> None:
    """A whole message after its deltas does not double the output, and an empty one does not remove it."""
    with answering(*events(*HELLO[:2], whole(message, **others)), content_type=EVENTS) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert call.output == [{"role": "assistant", "content": "Héllo 😀"}]
    assert call.finish_reasons == ["stop"]


def test_whole_message_with_the_calls_of_its_deltas(answering: Answering, captured: Captured) -> None:
    """A whole message after its deltas does not double the tool calls."""
    calls = [{"index": 0, "id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    with answering(
        *events(chunk({"tool_calls": calls}), whole({"content": None, "tool_calls": calls})), content_type=EVENTS
    ) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert call.tool_calls == [{"id": "1", "name": "f", "arguments": "{}"}]


def usage_of(call: StoredCall) -> tuple[int | None, int | None] | None:
    usage: StoredUsage | None = call.usage
    return None if usage is None else (usage.input_tokens, usage.output_tokens)


USAGES: list[tuple[list[Any], Any]] = [
    ([{"prompt_tokens": 5, "completion_tokens": 1}, {"prompt_tokens": 5, "completion_tokens": 2}], (5, 2)),
    ([{"prompt_tokens": 5, "completion_tokens": 2}, {}], (5, 2)),
    ([{"prompt_tokens": 5, "completion_tokens": 2}, None], (5, 2)),
    ([{"prompt_tokens": "5", "completion_tokens": 2.0, "prompt_tokens_details": None}], (5, 2)),
    ([{"prompt_tokens": "many", "completion_tokens": None}], None),
    ([{"prompt_tokens": 10**30, "completion_tokens": 1e300}], None),
    ([{"prompt_tokens": "9" * 5000, "completion_tokens": -1}], None),
    (["none"], None),
    ([None], None),
]


@pytest.mark.parametrize(("usages", "expected"), USAGES)
def test_usage(answering: Answering, captured: Captured, usages: list[Any], expected: Any) -> None:
    """The last usage with counts is recorded; an invalid count is unknown, without other effects."""
    chunks = events(*(chunk({"content": "x"}, usage=usage) for usage in usages))

    with answering(*chunks, content_type=EVENTS) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert usage_of(call) == expected
    assert call.response_id == "c"
    assert captured.stats.dropped == {}


USAGE = {"prompt_tokens": 5, "completion_tokens": 2}
LAST: dict[str, Any] = {
    "Groq": chunk({}, "stop", x_groq={"id": "x", "usage": USAGE}),
    "Moonshot": {"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]},
}


@pytest.mark.parametrize("provider", LAST)
def test_usage_in_another_field(answering: Answering, captured: Captured, provider: str) -> None:
    """The tokens of a stream are recorded also if the provider sends them in another field than OpenAI."""
    with answering(*events(*HELLO[:2], LAST[provider]), DONE, content_type=EVENTS) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert usage_of(call) == (5, 2)
    assert call.finish_reasons == ["stop"]


def test_reasoning_before_the_answer(answering: Answering, captured: Captured) -> None:
    """Reasoning sent as parts, before an answer sent as text, is kept in the output."""
    thoughts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]
    chunks = events(chunk({"content": thoughts}), chunk({"content": "Yes"}), chunk({"content": "."}, "stop"))

    with answering(*chunks, content_type=EVENTS) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert call.output[0]["content"] == [*thoughts, {"type": "text", "text": "Yes."}]


def test_failure_in_an_error_field(answering: Answering, captured: Captured) -> None:
    """A failure in an ``error:`` field of the stream, which the client skips, is recorded as an error."""
    failure = {"code": 500, "message": "Out of memory.", "type": "server_error"}
    chunks = [*events(HELLO[0]), event(failure, start="error: ")]

    with answering(*chunks, content_type=EVENTS) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert call.error is not None
    assert (call.status, call.error.type, call.error.body) == ("error", "server_error", failure)
    assert call.output == [{"role": "assistant", "content": "Hé"}]


@pytest.mark.parametrize("resource", ["chat", "responses", "completions"])
def test_page_of_a_proxy(
    answering: Answering, captured: Captured, resource: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An HTML page instead of an answer, which the client returns as text, is the output, and logs no failure."""
    with answering(b"<html>Sign in</html>", content_type="text/html") as client:
        if resource == "chat":
            got: Any = client.chat.completions.create(**CHAT)
        elif resource == "responses":
            got = client.responses.create(model="m", input="Hi")
        else:
            got = client.completions.create(model="m", prompt="Hi")

    (call,) = captured.calls
    assert got == call.output == "<html>Sign in</html>"
    assert caplog.records == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-le"])
def test_encodings(answering: Answering, captured: Captured, encoding: str) -> None:
    """Answers in encodings that the client can read are read, also with a byte order mark."""
    body = {"id": "c", "choices": [{"message": {"content": "Hé"}}], "usage": {"prompt_tokens": 5}}
    with answering(json.dumps(body, ensure_ascii=False).encode(encoding)) as client:
        got = client.chat.completions.create(**CHAT)

    (call,) = captured.calls
    assert got.choices[0].message.content == "Hé"
    assert (call.output, usage_of(call)) == ([{"content": "Hé"}], (5, None))


def test_half_of_an_answer(answering: Answering, captured: Captured) -> None:
    """Of a partly read answer, the part that was read is recorded."""
    body = json.dumps({"id": "c", "choices": []}).encode()

    with (
        answering(body[:9], body[9:]) as client,
        client.chat.completions.with_streaming_response.create(**CHAT) as response,
    ):
        for _ in response.iter_bytes():
            break

    (call,) = captured.calls
    assert (call.status, call.stream_end, call.output) == ("ok", "closed", '{"id": "c')


def test_arguments_as_an_object(answering: Answering, captured: Captured) -> None:
    """Tool arguments sent as an object are recorded as text, like all others."""
    function = {"name": "f", "arguments": {"a": 1}}
    body = {"id": "c", "choices": [{"message": {"tool_calls": [{"id": "1", "function": function}]}}]}

    with answering(json.dumps(body).encode()) as client:
        client.chat.completions.create(**CHAT)

    (call,) = captured.calls
    assert call.tool_calls == [{"id": "1", "name": "f", "arguments": '{"a": 1}'}]


@pytest.mark.parametrize("resource", ["embeddings", "images", "moderations"])
def test_error_of_any_endpoint(answering: Answering, captured: Captured, resource: str) -> None:
    """An error in an answer with status 200 is recorded for any endpoint, also if the client raises its own."""
    told = {"message": "No credit.", "code": 402}
    with answering(json.dumps({"error": told}).encode()) as client:
        if resource == "embeddings":
            with pytest.raises(ValueError, match="No embedding data"):
                client.embeddings.create(model="m", input="Hi")
        elif resource == "images":
            client.images.generate(model="m", prompt="Hi")
        else:
            client.moderations.create(input="Hi")

    (call,) = captured.calls
    assert call.error is not None
    assert (call.status, call.error.body) == ("error", told)


ODD: list[tuple[Any, str | None]] = [({"a": 1}, None), ([["x"]], None), (True, None), ("", None), (7, "7"), ("x", "x")]


@pytest.mark.parametrize(("odd", "label"), ODD)
def test_invalid_label(
    answering: Answering, captured: Captured, odd: Any, label: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """An invalid id, name or finish reason is recorded as text or not at all, and the cost is still known."""
    call_of_tool = {"id": odd, "function": {"name": odd, "arguments": "{}"}}
    message = {"content": "Hi", "tool_calls": [call_of_tool], "function_call": {"name": odd, "arguments": "1"}}
    choices = [{"message": message, "finish_reason": odd}]
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    body = {"id": odd, "model": odd, "choices": choices, "usage": usage}
    with answering(json.dumps(body).encode()) as client:
        client.chat.completions.create(**CHAT | {"model": "gpt-4o-mini"})

    (call,) = captured.calls
    assert (call.response_id, call.response_model) == (label, label)
    assert call.finish_reasons == (None if label is None else [label])
    assert call.tool_calls == [
        {"id": label, "name": label, "arguments": "{}"},
        {"id": None, "name": label, "arguments": "1"},
    ]
    assert call.cost_usd is not None
    assert caplog.records == []


@pytest.mark.parametrize(("odd", "label"), ODD)
def test_invalid_label_of_a_response(answering: Answering, captured: Captured, odd: Any, label: str | None) -> None:
    """In the Responses API an invalid label is recorded as text or not at all; a tool without a name has its type."""
    item = {"type": "function_call", "call_id": odd, "name": odd, "arguments": "{}"}
    with answering(json.dumps({"id": odd, "model": odd, "status": odd, "output": [item]}).encode()) as client:
        client.responses.create(model="m", input="Hi")

    (call,) = captured.calls
    assert (call.response_id, call.response_model) == (label, label)
    assert call.tool_calls == [{"id": label, "name": label or "function", "arguments": "{}"}]


@pytest.mark.parametrize("audio", ["\u00e9", "A", ["AA=="], {"x": 1}, 5])
def test_invalid_sound(answering: Answering, captured: Captured, audio: Any) -> None:
    """Sound that is not base64 does not affect the rest of the stream's record."""
    deltas = [{"audio": {"data": audio}}, {"audio": {"data": "AA=="}}, {"parts": 5}, {"parts": [1]}, {"content": "Hi"}]
    chunks = events(*map(chunk, deltas), chunk({}, "stop", usage={"prompt_tokens": 5, "completion_tokens": 2}))

    with answering(*chunks, content_type=EVENTS) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert call.output[0]["content"] == "Hi"
    assert usage_of(call) == (5, 2)


def test_invalid_vectors(answering: Answering, captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """Vectors that are not base64, which the client cannot read, log no failure of ours."""
    body = {"model": "m-1", "data": [{"embedding": "A"}], "usage": {"prompt_tokens": 5}}
    with answering(json.dumps(body).encode()) as client, pytest.raises(ValueError, match="base64"):
        client.embeddings.create(model="m", input="Hi")

    (call,) = captured.calls
    assert (call.response_model, usage_of(call)) == ("m-1", (5, None))
    assert caplog.records == []


def test_invalid_streamed_speech(answering: Answering, captured: Captured) -> None:
    """Streamed speech that is not base64 does not affect the recorded tokens."""
    usage = {"input_tokens": 5, "output_tokens": 2}
    chunks = events({"type": "speech.audio.delta", "audio": "A"}, {"type": "speech.audio.done", "usage": usage})
    with (
        answering(*chunks, content_type=EVENTS) as client,
        client.audio.speech.with_streaming_response.create(model="m", voice="alloy", input="Hi") as response,
    ):
        response.read()

    (call,) = captured.calls
    assert usage_of(call) == (5, 2)


def test_a_request_that_is_nested_too_deeply_is_described(answering: Answering, captured: Captured) -> None:
    """A request nested too deeply is recorded by its size and hash, and its answer as usual."""
    if "content" not in inspect.signature(openai.OpenAI.post).parameters:
        pytest.skip("this client cannot post_bytes yet")
    body = b'{"model": "m", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    client = answering(json.dumps({"id": "c", "choices": [{"message": {"content": "Hi"}}]}).encode())

    client.post("/chat/completions", cast_to=object, content=body)

    (call,) = captured.calls
    assert call.input == {
        "type": "application/json",
        "size": len(body),
        "sha256": sha256(body).hexdigest(),
        "not_stored": "nested too deeply",
    }
    assert call.output == [{"content": "Hi"}]
