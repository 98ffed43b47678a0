"""Failures that the provider reports in an answer are errors, also if the client raises nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import openai
import pytest

import baserun
from baserun.store import StoredCall
from baserun.testing import Captured, Fault, OfflineModel, Reply

MODEL = "gpt-4o-mini"
CHAT: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Count to 9"}]}
EVENTS = "text/event-stream"


def error_of(call: StoredCall) -> tuple[Any, ...]:
    assert call.error is not None
    return call.status, call.error.type, call.error.message


@pytest.mark.parametrize("is_stream", [False, True])
async def test_failed_response(any_client: Any, offline: OfflineModel, captured: Captured, is_stream: bool) -> None:
    """A failed response is an error of its call and trace, and counts in the session's errors."""
    offline.next(Reply(text="Well", error="The model stumbled."))

    with baserun.with_session():
        answer = await any_client.result(any_client.client.responses.create(model=MODEL, input="Hi", stream=is_stream))
        if is_stream:
            assert (await any_client.read(answer))[-1].type == "response.failed"

    (call,), (trace,), (session,) = captured.calls, captured.traces, captured.sessions
    assert error_of(call) == ("error", "server_error", "The model stumbled.")
    assert call.error is not None
    assert call.error.body == {"code": "server_error", "message": "The model stumbled."}
    assert (call.stream_end, call.finish_reasons) == ("error" if is_stream else None, ["failed"])
    assert (trace.status, trace.errors, session.errors) == ("error", 1, 1)


async def test_error_event_of_a_response(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """An `error` event, which the client returns like any other, is recorded as an error, with the output so far."""
    offline.next(Fault(stream_error="Overloaded.", after=6))

    stream = await any_client.result(any_client.client.responses.create(model=MODEL, input="Count to 9", stream=True))
    assert (await any_client.read(stream))[-1].type == "error"

    (call,) = captured.calls
    assert error_of(call) == ("error", "server_error", "Overloaded.")
    assert (call.stream_end, call.output is None) == ("error", False)


async def test_error_event_read_as_bytes(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """An error in a stream is recorded also if the application reads bytes, so that nothing is raised."""
    offline.next(Fault(stream_error="Overloaded.", after=3))

    manager = any_client.client.chat.completions.with_streaming_response.create(**CHAT, stream=True)
    async with any_client.block(manager) as response:
        await any_client.read(response.iter_lines())

    (call,) = captured.calls
    assert error_of(call) == ("error", "server_error", "Overloaded.")
    assert call.stream_end == "error"


async def test_what_the_client_raises_counts(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """If the client raises, the error has the class of the exception and the body that was sent."""
    offline.next(Fault(stream_error="Overloaded.", after=3))

    stream = await any_client.result(any_client.client.chat.completions.create(**CHAT, stream=True))
    with pytest.raises(openai.APIError, match="Overloaded"):
        await any_client.read(stream)
    del stream
    await any_client.collect()

    (call,) = captured.calls
    # The oldest clients do not close a failed stream: its end is noticed when it is garbage-collected.
    kind = "server_error" if openai.__version__.startswith("1.") else "APIError"
    assert error_of(call) == ("error", kind, "Overloaded.")
    assert call.error is not None
    assert call.error.body == offline.answers[-1].events[-1]["error"]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_incomplete_response(any_client: Any, captured: Captured, is_stream: bool) -> None:
    """A response cut at its maximum length is no error; its finish reason says so."""
    create = any_client.client.responses.create
    answer = await any_client.result(create(model=MODEL, input="Count to 50", max_output_tokens=16, stream=is_stream))
    if is_stream:
        await any_client.read(answer)

    (call,) = captured.calls
    assert (call.status, call.error, call.finish_reasons) == ("ok", None, ["max_output_tokens"])
    assert call.stream_end == ("complete" if is_stream else None)


def test_failure_in_the_background(offline: OfflineModel, captured: Captured) -> None:
    """A response that failed in the background is counted as one error, at the first retrieval that shows it."""
    offline.next(Reply(text="Well", error="The model stumbled."))
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        created = client.responses.create(model=MODEL, input="Hi", background=True)
        while client.responses.retrieve(created.id).status != "failed":
            pass
        client.responses.retrieve(created.id)

    statuses = [call.status for call in captured.calls]
    assert statuses == ["ok"] * (len(statuses) - 2) + ["error", "ok"]
    assert sum(trace.errors for trace in captured.traces) == 1
    assert [call.finish_reasons for call in captured.calls[-2:]] == [["failed"], ["failed"]]


def test_failure_of_an_id_that_was_given_before(captured: Captured) -> None:
    """If a restarted server reuses the id of a failed response, the failure of the new one is counted too."""
    port = 0
    for _ in range(2):
        with OfflineModel(port=port) as model, openai.OpenAI(base_url=model.url, api_key="offline") as client:
            port = client.base_url.port or 0
            model.next(Reply(text="Well", error="The model stumbled."))
            created = client.responses.create(model=MODEL, input="Hi", background=True)
            while client.responses.retrieve(created.id).status != "failed":
                pass

    assert len({call.response_id for call in captured.calls}) == 1
    assert [call.status for call in captured.calls].count("error") == 2


TOLD: list[tuple[Any, str, str | None]] = [
    ({"message": "No provider.", "code": 502}, "APIError", "No provider."),
    ({"message": "Too long.", "type": "BadRequestError", "code": 400}, "BadRequestError", "Too long."),
    ({"message": "Slow.", "type": "tokens", "code": "rate_limit_exceeded"}, "rate_limit_exceeded", "Slow."),
    ({"type": "error", "code": "", "message": None}, "APIError", None),
    ("It broke.", "APIError", "It broke."),
    (["x"], "APIError", None),
    (True, "APIError", None),
]


@pytest.mark.parametrize(("told", "kind", "message"), TOLD)
@pytest.mark.parametrize("is_stream", [False, True])
def test_error_with_status_200(
    answering: Callable[..., openai.OpenAI],
    captured: Captured,
    told: Any,
    kind: str,
    message: str | None,
    is_stream: bool,
) -> None:
    """A gateway's error in an answer with status 200 is recorded as an error, in any format."""
    body = json.dumps({"error": told}).encode()
    client = answering(b"data: " + body + b"\n\n", content_type=EVENTS) if is_stream else answering(body)

    with client, client.chat.completions.with_streaming_response.create(**CHAT, stream=is_stream) as response:
        response.read()

    (call,) = captured.calls
    assert error_of(call) == ("error", kind, message)
    assert call.error is not None
    assert call.error.body == told


@pytest.mark.parametrize("is_stream", [False, True])
def test_error_of_a_choice(answering: Callable[..., openai.OpenAI], captured: Captured, is_stream: bool) -> None:
    """A gateway's error inside a choice is recorded as an error, with the output so far."""
    failure = {"code": 502, "message": "Upstream is gone."}
    said = {"delta" if is_stream else "message": {"role": "assistant", "content": "Well"}}
    choice = {"index": 0, **said, "finish_reason": "error", "error": failure}
    body = json.dumps({"id": "c", "choices": [choice]}).encode()
    client = answering(b"data: " + body + b"\n\n", content_type=EVENTS) if is_stream else answering(body)

    with client, client.chat.completions.with_streaming_response.create(**CHAT, stream=is_stream) as response:
        response.read()

    (call,) = captured.calls
    assert error_of(call) == ("error", "APIError", "Upstream is gone.")
    assert call.output == [{"role": "assistant", "content": "Well"}]
    assert call.stream_end == ("error" if is_stream else None)


STREAMED = {
    "/chat/completions": CHAT,
    "/completions": {"model": MODEL, "prompt": "Hi"},
    "/responses": {"model": MODEL, "input": "Hi"},
    "/images/generations": {"model": "gpt-image-1", "prompt": "A cat"},
    "/audio/speech": {"model": "gpt-4o-mini-tts", "input": "Hi", "voice": "alloy"},
}


@pytest.mark.parametrize("path", STREAMED)
def test_event_named_error(answering: Callable[..., openai.OpenAI], captured: Captured, path: str) -> None:
    """An event that is an error only by its name is recorded as an error, for every endpoint."""
    failure = {"code": "overloaded", "message": "Try again."}
    body = b"event: error\ndata: " + json.dumps(failure).encode() + b"\n\n"

    with answering(body, content_type=EVENTS) as client:
        client.post(path, cast_to=object, body=STREAMED[path] | {"stream": True})

    (call,) = captured.calls
    assert error_of(call) == ("error", "overloaded", "Try again.")
    assert call.error is not None
    assert (call.stream_end, call.error.body) == ("error", failure)


ASKED: dict[str, dict[str, Any]] = {
    "/audio/speech": {"model": "tts-1", "input": "Hi", "voice": "alloy"},
    "/audio/transcriptions": {"model": "whisper-1"},
    "/decisions": {"model": MODEL, "input": "Hi", "questions": []},
    "/embeddings": {"model": "text-embedding-3-small", "input": "Hi"},
    "/images/generations": {"model": "gpt-image-1", "prompt": "A cat"},
    "/moderations": {"input": "Hi"},
}


@pytest.mark.parametrize("path", ASKED)
def test_error_with_status_200_of_every_endpoint(
    answering: Callable[..., openai.OpenAI], captured: Captured, path: str
) -> None:
    """An error with status 200 instead of an answer is recorded as an error, for every endpoint."""
    with answering(json.dumps({"error": {"message": "No provider."}}).encode()) as client:
        client.post(path, cast_to=object, body=ASKED[path])

    (call,) = captured.calls
    assert error_of(call) == ("error", "APIError", "No provider.")
    assert call.output is None


@pytest.mark.parametrize("nothing", [None, {}, "", [], False, 0])
def test_empty_error_is_no_error(answering: Callable[..., openai.OpenAI], captured: Captured, nothing: Any) -> None:
    """An empty `error`, which some servers send with every answer, is no error."""
    with answering(json.dumps({"id": "c", "error": nothing, "choices": []}).encode()) as client:
        client.chat.completions.create(**CHAT)

    (call,) = captured.calls
    assert (call.status, call.error) == ("ok", None)
