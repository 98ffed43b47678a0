"""All styles of streams x all ways to end them, sync and async: one record each, with the fields that were sent."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import openai
import pytest

import baserun
from baserun.store import StoredCall, StoredUsage
from baserun.testing import Captured, Fault, OfflineModel, SentAnswer

SAID = "one two three four five six seven eight"
ASKED = f'Say "{SAID}"'
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": ASKED}], "temperature": 0.5}
PATIENCE = 10  # seconds until the server notices that the client is gone


class ConsumerError(Exception):
    """Raised by the application while it reads a stream."""


Opened = AbstractAsyncContextManager[Any]
Style = Callable[[Any], Opened]


@asynccontextmanager
async def chat(any_client: Any) -> AsyncIterator[Any]:
    stream = await any_client.result(any_client.client.chat.completions.create(**CHAT, stream=True, user="ada"))
    async with any_client.block(stream):
        yield stream


@asynccontextmanager
async def chat_raw(any_client: Any) -> AsyncIterator[Any]:
    create = any_client.client.chat.completions.with_raw_response.create
    stream = (await any_client.result(create(**CHAT, stream=True, user="ada"))).parse()
    async with any_client.block(stream):
        yield stream


@asynccontextmanager
async def chat_streaming_response(any_client: Any) -> AsyncIterator[Any]:
    create = any_client.client.chat.completions.with_streaming_response.create
    async with any_client.block(create(**CHAT, stream=True, user="ada")) as response:
        yield await any_client.result(response.parse())


@asynccontextmanager
async def chat_lines(any_client: Any) -> AsyncIterator[Any]:
    create = any_client.client.chat.completions.with_streaming_response.create
    async with any_client.block(create(**CHAT, extra_body={"stream": True, "user": "ada"})) as response:
        yield response.iter_lines()


@asynccontextmanager
async def chat_helper(any_client: Any) -> AsyncIterator[Any]:
    async with any_client.block(any_client.client.chat.completions.stream(**CHAT, user="ada")) as stream:
        yield stream


@asynccontextmanager
async def chat_post(any_client: Any) -> AsyncIterator[Any]:
    stream_class: Any = openai.AsyncStream[object] if any_client.is_async else openai.Stream[object]
    body = {**CHAT, "stream": True, "user": "ada"}
    post = any_client.client.post
    stream = await any_client.result(
        post("/chat/completions", cast_to=object, body=body, stream=True, stream_cls=stream_class)
    )
    async with any_client.block(stream):
        yield stream


@asynccontextmanager
async def response(any_client: Any) -> AsyncIterator[Any]:
    create = any_client.client.responses.create
    stream = await any_client.result(
        create(model="gpt-4o-mini", input=ASKED, temperature=0.5, stream=True, safety_identifier="ada")
    )
    async with any_client.block(stream):
        yield stream


@asynccontextmanager
async def response_helper(any_client: Any) -> AsyncIterator[Any]:
    stream = any_client.client.responses.stream
    manager = stream(model="gpt-4o-mini", input=ASKED, temperature=0.5, safety_identifier="ada")
    async with any_client.block(manager) as events:
        yield events


@asynccontextmanager
async def completion(any_client: Any) -> AsyncIterator[Any]:
    create = any_client.client.completions.create
    stream = await any_client.result(
        create(model="gpt-3.5-turbo-instruct", prompt=ASKED, temperature=0.5, stream=True, user="ada")
    )
    async with any_client.block(stream):
        yield stream


STYLES: list[Style] = [
    chat,
    chat_raw,
    chat_streaming_response,
    chat_lines,
    chat_helper,
    chat_post,
    response,
    response_helper,
    completion,
]

Ending = Callable[[Any, Opened], Awaitable[None]]


async def read_to_the_end(any_client: Any, opened: Opened) -> None:
    async with opened as stream:
        await any_client.read(stream)


async def left(any_client: Any, opened: Opened) -> None:
    async with opened as stream:
        await any_client.read(stream, 3)


async def left_unread(any_client: Any, opened: Opened) -> None:
    async with opened:
        pass


async def left_by_an_error(any_client: Any, opened: Opened) -> None:
    with pytest.raises(ConsumerError):
        async with opened as stream:
            await any_client.read(stream, 3)
            raise ConsumerError("enough")


async def left_by_cancellation(any_client: Any, opened: Opened) -> None:
    with pytest.raises(asyncio.CancelledError):
        async with opened as stream:
            await any_client.read(stream, 3)
            raise asyncio.CancelledError


async def cut(any_client: Any, opened: Opened) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011  (of the client's, or of either HTTP library)
        async with opened as stream:
            await any_client.read(stream)
    assert not isinstance(raised.value, AssertionError)


SLOW = Fault(chunk_delay=0.02)
ENDINGS: list[tuple[Ending, Fault, str, str, str | None]] = [
    (read_to_the_end, Fault(), "complete", "ok", None),
    (left, SLOW, "closed", "ok", None),
    (left_unread, SLOW, "closed", "ok", None),
    (left_by_an_error, SLOW, "error", "error", "ConsumerError"),
    (left_by_cancellation, SLOW, "cancelled", "cancelled", "CancelledError"),
    (cut, Fault(cut="body", after=6), "network", "error", "RemoteProtocolError"),
]


@pytest.mark.parametrize(("ending", "fault", "stream_end", "status", "error"), ENDINGS)
@pytest.mark.parametrize("style", STYLES)
async def test_table(
    any_client: Any,
    offline: OfflineModel,
    captured: Captured,
    style: Style,
    ending: Ending,
    fault: Fault,
    stream_end: str,
    status: str,
    error: str | None,
) -> None:
    """However a stream is opened and ended, it is one record with the content sent until then."""
    offline.next(fault)

    with baserun.with_session() as session:
        await ending(any_client, style(any_client))
    answer = await answer_of(offline)

    (call,), (trace,) = captured.calls, captured.traces
    assert (trace.session_id, trace.status, call.trace_id, call.parent_id) == (session.id, status, trace.id, None)
    assert (call.status, call.stream_end, call.error and call.error.type) == (status, stream_end, error)
    assert fields_of_the_request(call) == expected_of_the_request(answer)
    is_whole = stream_end == "complete"
    if ending is left_unread:
        assert (call.output, call.usage, call.finish_reasons, call.response_id) == (None, None, None, None)
    elif is_whole:
        assert fields_of_the_answer(call) == expected_of_the_answer(answer)
    else:
        assert call.response_id == head(answer)["id"]
        assert call.response_model == head(answer)["model"]
        assert SAID.startswith(text_of(call))
        assert call.usage is None
    assert (call.cost_usd is None) == (call.usage is None)
    assert (call.time_to_first_token_ms or 0) <= (call.duration_ms or 0)
    assert not is_whole or call.time_to_first_token_ms


async def answer_of(offline: OfflineModel) -> SentAnswer:
    """Wait until the server has finished its answer, and return it."""
    for _ in range(PATIENCE * 100):
        if offline.answers:
            break
        await asyncio.sleep(0.01)
    return offline.answers[0]


def fields_of_the_request(call: StoredCall) -> dict[str, Any]:
    names = "kind name operation provider request_model request_id stream retries parameters input end_user tool_calls"
    return {name: getattr(call, name) for name in names.split()} | {
        "has_ids": bool(re.fullmatch("[0-9a-f]{16}", call.id)),
        "metadata": call.metadata,
    }


def expected_of_the_request(answer: SentAnswer) -> dict[str, Any]:
    sent = answer.request.json
    operation = "text_completion" if "prompt" in sent else "chat"
    return {
        "kind": "llm",
        "name": f"{operation} {sent['model']}",
        "operation": operation,
        "provider": "openai",
        "request_model": sent["model"],
        "request_id": answer.headers["x-request-id"],
        "stream": True,
        "retries": 0,
        "parameters": {"temperature": 0.5},
        "input": sent.get("messages") or sent.get("input") or sent["prompt"],
        "end_user": "ada",
        "tool_calls": None,
        "has_ids": True,
        "metadata": None,
    }


def fields_of_the_answer(call: StoredCall) -> dict[str, Any]:
    names = ("response_id", "response_model", "finish_reasons", "output", "usage")
    return {name: getattr(call, name) for name in names}


def expected_of_the_answer(answer: SentAnswer) -> dict[str, Any]:
    first, path = head(answer), answer.request.path
    expected = {"response_id": first["id"], "response_model": first["model"], "finish_reasons": ["stop"], "usage": None}
    if path.endswith("/chat/completions"):
        return expected | {"output": [{"role": "assistant", "content": SAID}]}
    if path.endswith("/completions"):
        return expected | {"output": [{"text": SAID}]}
    last = answer.events[-1]["response"]
    usage = last["usage"]
    counted = StoredUsage(
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        cached_input_tokens=usage["input_tokens_details"]["cached_tokens"],
        cache_write_tokens=usage["input_tokens_details"]["cache_write_tokens"],
        reasoning_tokens=usage["output_tokens_details"]["reasoning_tokens"],
    )
    return expected | {"finish_reasons": ["completed"], "output": last["output"], "usage": counted}


def head(answer: SentAnswer) -> Any:
    first = answer.events[0]
    return first.get("response", first)


def text_of(call: StoredCall) -> str:
    """Return the text of the output, in the format of any of the endpoints."""
    item = (call.output or [{}])[0]
    content = item.get("content", item.get("text"))
    return content if isinstance(content, str) else "".join(part["text"] for part in content or ())
