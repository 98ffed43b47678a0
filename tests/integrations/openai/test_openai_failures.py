"""Hostile input and interruptions: our failures never reach the caller; all other errors do."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun.instrumentation import CallDetails
from baserun.testing import Captured, capture
from baserun_openai._endpoints import find
from baserun_openai._exchange import Answer
from baserun_openai._sse import split_events

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
PATHS = [
    "/chat/completions",
    "/responses",
    "/completions",
    "/embeddings",
    "/images/generations",
    "/audio/transcriptions",
    "/moderations",
    "/decisions",
]


MEMBERS = ["id", "model", "choices", "message", "delta", "index", "content", "tool_calls", "function", "usage"]
MEMBERS += ["output", "type", "data", "embedding", "b64_json", "response", "item", "error", "text", "results"]


class Server:
    """A client whose requests are answered with a given body."""

    def __init__(self, http: ModuleType, body: bytes, content_type: str = "application/json") -> None:
        def answer(request: Any) -> Any:
            return http.Response(200, headers={"content-type": content_type}, stream=http.ByteStream(body))

        transport = http.MockTransport(answer)
        self.client = openai.OpenAI(api_key="x", max_retries=0, http_client=http.Client(transport=transport))


HOSTILE: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"not json",
    b'{"choices": null}',
    b'{"choices": [null, 1, {"message": 3}]}',
    b'{"choices": [{"message": {"tool_calls": {"a": 1}}}], "usage": "none"}',
    b'{"usage": {"prompt_tokens": -1, "completion_tokens": "many", "prompt_tokens_details": []}}',
    b'{"id": 7, "model": ["m"], "choices": [{"message": {"content": {"a": "b"}}, "finish_reason": {"x": 1}}]}',
    b'{"id": NaN, "choices": [{"message": {"content": "\xff\xfe"}}]}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", HOSTILE)
def test_hostile_body(http: ModuleType, body: bytes) -> None:
    """Whatever a server sends, the caller gets the same bytes, and there is one record."""
    server = Server(http, body)

    with capture() as captured, server.client as client:
        response = client.chat.completions.with_raw_response.create(**CHAT)
        calls = captured.calls

    assert response.http_response.content == body
    assert len(calls) == 1
    assert calls[0].input == CHAT["messages"]


@pytest.mark.parametrize("body", [b"data: [", b"data: 3\n\n", b"\n\n\n", b"event: x\n\n", b"data: {}\n\ndata: [DONE]"])
def test_hostile_stream(http: ModuleType, body: bytes) -> None:
    """Whatever a stream contains, the caller gets the same bytes, and there is one record."""
    server = Server(http, body, "text/event-stream")

    with capture() as captured, server.client as client:
        with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
            got = response.read()
        calls = captured.calls

    assert got == body
    assert len(calls) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "model",
                    "choices",
                    "message",
                    "delta",
                    "index",
                    "content",
                    "tool_calls",
                    "function",
                    "usage",
                    "output",
                    "type",
                    "data",
                    "embedding",
                    "b64_json",
                    "response",
                    "item",
                    "error",
                    "text",
                    "results",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(path=st.sampled_from(PATHS), value=JSON, is_stream=st.booleans())
def test_any_json(path: str, value: Any, is_stream: bool) -> None:
    """An answer of any shape is read without an error."""
    body = _encode(value)
    events = split_events(b"data: " + body + b"\n\ndata: " + body + b"\n\n") if is_stream else None
    endpoint = find("post", path)
    assert endpoint is not None
    details = CallDetails(operation=endpoint.operation)

    endpoint.family.read_answer(
        Answer(body=body, content_type="application/json", size=len(body), events=events), details
    )
    endpoint.family.read_input(value if isinstance(value, dict) else {}, details)

    assert details.operation == endpoint.operation


def _encode(value: Any) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_base_exceptions_pass(
    client: openai.OpenAI, captured: Captured, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `KeyboardInterrupt` or `SystemExit` during a call reaches the caller, and the call is cancelled."""

    def interrupted(request: Any, **kwargs: Any) -> Any:
        raise error

    monkeypatch.setattr(client._client, "send", interrupted)

    with pytest.raises(error):
        client.chat.completions.create(**CHAT)

    (call,) = captured.calls
    assert (call.status, call.input) == ("cancelled", CHAT["messages"])


def test_hostile_metadata_of_the_caller(client: openai.OpenAI, captured: Captured) -> None:
    """A value that cannot be sent raises as without us, and the call is one record with the error."""
    with pytest.raises(TypeError):
        client.chat.completions.create(**CHAT, extra_body={"x": object()})

    (call,) = captured.calls
    assert call.error is not None
    assert (call.status, call.error.type) == ("error", "TypeError")


def test_response_of_another_kind(http: ModuleType, captured: Captured) -> None:
    """A response whose body is already in memory is recorded too."""

    def answer(request: Any) -> Any:
        return http.Response(200, headers={"content-type": "text/event-stream"}, content=b"data: [DONE]\n\n")

    transport = http.MockTransport(answer)
    with openai.OpenAI(api_key="x", http_client=http.Client(transport=transport)) as client:
        list(client.chat.completions.create(**CHAT, stream=True))

    (call,) = captured.calls
    assert (call.stream, call.stream_end, call.status) == (True, "complete", "ok")
