"""Merging streams into whole answers."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from typing import Any

import pytest

from baserun.instrumentation import CallDetails, Usage
from baserun_openai._endpoints import find
from baserun_openai._exchange import Answer
from baserun_openai._sse import split_events


def read(path: str, *values: Any) -> CallDetails:
    """Return the details read from a stream of these events."""
    body = b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)
    endpoint = find("post", path)
    assert endpoint is not None
    details = CallDetails(operation=endpoint.operation)
    answer = Answer(body=body, content_type="text/event-stream", size=len(body), events=split_events(body))
    endpoint.family.read_answer(answer, details)
    return details


def chunk(delta: Any, finish_reason: str | None = None, index: int = 0, **others: Any) -> Any:
    return {
        "id": "c",
        "model": "m",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish_reason}],
    } | others


def test_reasoning_is_kept_apart() -> None:
    """Reasoning is in the output but not in the preview of the answer."""
    details = read(
        "/chat/completions",
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "Let me "}),
        chunk({"reasoning_content": "think"}),
        chunk({"content": "Four"}),
        chunk({}, "stop"),
    )

    assert details.output == [{"role": "assistant", "content": "Four", "reasoning_content": "Let me think"}]
    assert details.output_preview == "Four"
    assert details.finish_reasons == ["stop"]


def test_refusal() -> None:
    """A refusal is merged, and is the preview of the answer."""
    details = read(
        "/chat/completions",
        chunk({"role": "assistant", "refusal": "I "}),
        chunk({"refusal": "won't"}),
        chunk({}, "stop"),
    )

    assert details.output == [{"role": "assistant", "content": None, "refusal": "I won't"}]
    assert details.output_preview == "I won't"


def test_audio() -> None:
    """A spoken answer is recorded with its transcript, and the sound by size and hash."""
    parts = [base64.b64encode(sound).decode() for sound in (b"a", b"bc")]

    details = read(
        "/chat/completions",
        chunk({"role": "assistant", "audio": {"id": "audio_1", "transcript": "Hel"}}),
        chunk({"audio": {"data": parts[0]}}),
        chunk({"audio": {"data": parts[1], "transcript": "lo"}}),
        chunk({"audio": {"expires_at": 9}}, "stop"),
    )

    audio = details.output[0]["audio"]
    assert audio["data"] == {"type": "audio", "size": 3, "sha256": sha256(b"abc").hexdigest()}
    assert (audio["id"], audio["transcript"], audio["expires_at"]) == ("audio_1", "Hello", 9)
    assert details.output_preview == "Hello"


def test_legacy_function_call() -> None:
    """A legacy function call is merged and recorded as a tool call."""
    details = read(
        "/chat/completions",
        chunk({"role": "assistant", "function_call": {"name": "f", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}, "function_call"),
    )

    assert details.tool_calls == [{"id": None, "name": "f", "arguments": "{}"}]


def test_choices_side_by_side() -> None:
    """Interleaved choices are kept apart and ordered by their index."""
    details = read(
        "/chat/completions",
        chunk({"role": "assistant", "content": "B"}, index=1),
        chunk({"role": "assistant", "content": "A"}),
        chunk({"content": "b"}, "length", index=1),
        chunk({"content": "a"}, "stop"),
    )

    assert [message["content"] for message in details.output] == ["Aa", "Bb"]
    assert details.finish_reasons == ["stop", "length"]


def test_last_usage_that_is_there() -> None:
    """A chunk without usage does not discard the usage of an earlier one."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }

    details = read(
        "/chat/completions",
        chunk({"content": "x"}, "stop", usage=None),
        {"id": "c", "model": "m", "choices": [], "usage": usage},
        {"id": "c", "model": "m", "choices": [], "usage": None, "moderation": {}},
    )

    assert details.usage == Usage(
        input_tokens=10, output_tokens=5, cached_input_tokens=4, cache_write_tokens=2, reasoning_tokens=3
    )


def test_azure_starts_without_choices() -> None:
    """A first chunk without choices and model, as Azure sends it, does not hide those of later chunks."""
    details = read(
        "/chat/completions",
        {"id": "", "model": "", "choices": [], "prompt_filter_results": []},
        chunk({"role": "assistant", "content": "Hi"}, "stop"),
    )

    assert (details.response_id, details.response_model, details.output_preview) == ("c", "m", "Hi")


@pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/responses", "/images/generations"])
def test_error_in_a_stream(path: str) -> None:
    """An error event is recognised as an error, not an answer."""
    body = b'data: {"error": {"message": "Overloaded."}}\n\n'
    endpoint = find("post", path)
    assert endpoint is not None
    answer = Answer(body=body, content_type="text/event-stream", size=len(body), events=split_events(body))

    endpoint.family.read_answer(answer, CallDetails())

    assert answer.merged is not None
    assert answer.merged.error == {"message": "Overloaded."}


EVENTS: list[Any] = [
    {"type": "response.created", "response": {"id": "resp_1", "model": "m", "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs", "summary": []}},
    {
        "type": "response.reasoning_summary_text.delta",
        "output_index": 0,
        "summary_index": 0,
        "delta": "Because",
    },
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"type": "message", "id": "msg", "role": "assistant", "content": []},
    },
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hel"},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "lo"},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {"type": "function_call", "id": "fc", "call_id": "call_1", "name": "f", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"a"'},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": ":1}"},
]


def test_unfinished_response() -> None:
    """An unfinished response is merged as far as it came."""
    details = read("/responses", *EVENTS)

    assert (details.response_id, details.response_model, details.finish_reasons) == ("resp_1", "m", ["in_progress"])
    assert [item["type"] for item in details.output] == ["reasoning", "message", "function_call"]
    assert details.output[0]["summary"] == [{"type": "summary_text", "text": "Because"}]
    assert details.output_preview == "Hello"
    assert details.tool_calls == [{"id": "call_1", "name": "f", "arguments": '{"a":1}'}]


@pytest.mark.parametrize(
    ("kind", "status", "others", "reason"),
    [
        ("response.completed", "completed", {}, "completed"),
        (
            "response.incomplete",
            "incomplete",
            {"incomplete_details": {"reason": "max_output_tokens"}},
            "max_output_tokens",
        ),
        ("response.failed", "failed", {"error": {"code": "server_error", "message": "No."}}, "failed"),
    ],
)
def test_finished_response(kind: str, status: str, others: dict[str, Any], reason: str) -> None:
    """The whole response in the last event replaces the merged deltas."""
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Whole"}]}
    usage = {"input_tokens": 3, "output_tokens": 2, "output_tokens_details": {"reasoning_tokens": 1}}
    response = {"id": "resp_1", "model": "m", "status": status, "output": [item], "usage": usage, **others}

    details = read("/responses", *EVENTS, {"type": kind, "response": response})

    assert (details.output, details.finish_reasons, details.output_preview) == ([item], [reason], "Whole")
    assert details.usage == Usage(input_tokens=3, output_tokens=2, reasoning_tokens=1)
    assert details.error_body == others.get("error")


def test_kinds_of_tool_calls_of_a_response() -> None:
    """Calls of custom, MCP and computer tools are tool calls; a web search is not."""
    items = [
        {"type": "custom_tool_call", "call_id": "1", "name": "sql", "input": "SELECT 1"},
        {"type": "mcp_call", "id": "2", "name": "roll", "arguments": "{}"},
        {"type": "computer_call", "call_id": "3", "action": {"type": "click"}},
        {"type": "web_search_call", "id": "4"},
    ]

    details = read("/responses", {"type": "response.completed", "response": {"output": items}})

    assert details.tool_calls == [
        {"id": "1", "name": "sql", "arguments": "SELECT 1"},
        {"id": "2", "name": "roll", "arguments": "{}"},
        {"id": "3", "name": "computer", "arguments": '{"type": "click"}'},
    ]


def test_streamed_pictures() -> None:
    """For a streamed picture the final one is recorded by type, size and hash, with the tokens."""
    encoded = base64.b64encode(b"picture").decode()

    details = read(
        "/images/generations",
        {"type": "image_generation.partial_image", "b64_json": "AAAA"},
        {
            "type": "image_generation.completed",
            "b64_json": encoded,
            "output_format": "webp",
            "usage": {"input_tokens": 1, "output_tokens": 2},
        },
    )

    digest = sha256(b"picture").hexdigest()
    assert details.output == [{"image": {"type": "image/webp", "size": 7, "sha256": digest}}]
    assert details.usage == Usage(input_tokens=1, output_tokens=2)


def test_streamed_transcription() -> None:
    """A streamed transcription is merged, also without its last event."""
    deltas = [{"type": "transcript.text.delta", "delta": text} for text in ("Hel", "lo")]

    assert read("/audio/transcriptions", *deltas).output == {"text": "Hello"}
    assert read("/audio/transcriptions", *deltas, {"type": "transcript.text.done", "text": "Hello."}).output == {
        "text": "Hello."
    }


def test_streamed_speech() -> None:
    """Streamed sound is merged and recorded by size and hash."""
    parts = [{"type": "speech.audio.delta", "audio": base64.b64encode(part).decode()} for part in (b"a", b"bc")]

    details = read(
        "/audio/speech", *parts, {"type": "speech.audio.done", "usage": {"input_tokens": 1, "output_tokens": 2}}
    )

    assert details.output == {"size": 3, "sha256": sha256(b"abc").hexdigest()}
    assert details.usage == Usage(input_tokens=1, output_tokens=2)
