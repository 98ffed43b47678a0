"""Every way to make a call gives one record, whose fields are what was sent and received."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from baserun.store import StoredCall, StoredUsage
from baserun.testing import Captured, OfflineModel, Reply, SentAnswer, ToolCall

MESSAGES: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": 'Say "one two three"'}]
TOOLS: Any = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}]
CHAT: Any = {"model": "gpt-4o-mini", "messages": MESSAGES}
RESPONSE: Any = {"model": "gpt-4o-mini", "input": 'Say "one two three"'}

Style = Callable[[Any], Awaitable[Any]]


class Sentence(BaseModel):
    """The model of a structured answer."""

    words: str


async def chat_create(any_client: Any) -> None:
    await any_client.result(any_client.client.chat.completions.create(**CHAT, temperature=0.5, n=2))


async def chat_with_options(any_client: Any) -> None:
    client = any_client.client.with_options(timeout=9)
    await any_client.result(client.chat.completions.create(**CHAT))


async def chat_raw(any_client: Any) -> None:
    raw = await any_client.result(any_client.client.chat.completions.with_raw_response.create(**CHAT))
    assert raw.parse().choices


async def chat_streaming_response(any_client: Any) -> None:
    manager = any_client.client.chat.completions.with_streaming_response.create(**CHAT)
    async with any_client.block(manager) as response:
        assert (await any_client.result(response.parse())).choices


async def chat_parse(any_client: Any) -> None:
    answer = await any_client.result(any_client.client.chat.completions.parse(**CHAT, response_format=Sentence))
    assert isinstance(answer.choices[0].message.parsed, Sentence)


async def chat_post(any_client: Any) -> None:
    post = any_client.client.post
    await any_client.result(post("/chat/completions", cast_to=object, body={**CHAT, "seed": 7}))


async def chat_tools(any_client: Any) -> None:
    await any_client.result(any_client.client.chat.completions.create(**CHAT, tools=TOOLS))


async def chat_stream(any_client: Any) -> None:
    stream = await any_client.result(any_client.client.chat.completions.create(**CHAT, stream=True, n=2))
    await any_client.read(stream)


async def chat_stream_usage(any_client: Any) -> None:
    create = any_client.client.chat.completions.create
    stream = await any_client.result(create(**CHAT, stream=True, stream_options={"include_usage": True}))
    await any_client.read(stream)


async def chat_stream_tools(any_client: Any) -> None:
    stream = await any_client.result(any_client.client.chat.completions.create(**CHAT, stream=True, tools=TOOLS))
    await any_client.read(stream)


async def chat_stream_raw(any_client: Any) -> None:
    create = any_client.client.chat.completions.with_raw_response.create
    raw = await any_client.result(create(**CHAT, stream=True))
    await any_client.read(raw.parse())


async def chat_stream_streaming_response(any_client: Any) -> None:
    manager = any_client.client.chat.completions.with_streaming_response.create(**CHAT, stream=True)
    async with any_client.block(manager) as response:
        await any_client.read(await any_client.result(response.parse()))


async def chat_stream_lines(any_client: Any) -> None:
    manager = any_client.client.chat.completions.with_streaming_response.create(**CHAT, stream=True)
    async with any_client.block(manager) as response:
        await any_client.read(response.iter_lines())


async def chat_stream_helper(any_client: Any) -> None:
    async with any_client.block(any_client.client.chat.completions.stream(**CHAT)) as stream:
        await any_client.read(stream)


CHAT_STYLES: list[Style] = [
    chat_create,
    chat_with_options,
    chat_raw,
    chat_streaming_response,
    chat_parse,
    chat_post,
    chat_tools,
    chat_stream,
    chat_stream_usage,
    chat_stream_tools,
    chat_stream_raw,
    chat_stream_streaming_response,
    chat_stream_lines,
    chat_stream_helper,
]


async def response_create(any_client: Any) -> None:
    await any_client.result(any_client.client.responses.create(**RESPONSE, instructions="Be brief."))


async def response_parse(any_client: Any) -> None:
    await any_client.result(any_client.client.responses.parse(**RESPONSE, text_format=Sentence))


async def response_raw(any_client: Any) -> None:
    raw = await any_client.result(any_client.client.responses.with_raw_response.create(**RESPONSE))
    assert raw.parse().id


async def response_stream(any_client: Any) -> None:
    await any_client.read(await any_client.result(any_client.client.responses.create(**RESPONSE, stream=True)))


async def response_stream_helper(any_client: Any) -> None:
    async with any_client.block(any_client.client.responses.stream(**RESPONSE)) as stream:
        await any_client.read(stream)


RESPONSE_STYLES: list[Style] = [
    response_create,
    response_parse,
    response_raw,
    response_stream,
    response_stream_helper,
]


@pytest.mark.parametrize("style", CHAT_STYLES)
async def test_chat(any_client: Any, offline: OfflineModel, captured: Captured, style: Style) -> None:
    """A chat completion is one record with the fields of its request and its answer."""
    if "tools" in style.__name__:
        offline.next(Reply(tool_calls=(ToolCall(name="look_up", arguments='{"a": 1}'),) * 2))
    if "parse" in style.__name__:
        offline.next('{"words": "one two three"}')

    await style(any_client)

    (call,) = captured.calls
    (answer,) = offline.answers
    assert facts(call) == expected_chat(answer)


@pytest.mark.parametrize("style", RESPONSE_STYLES)
async def test_responses(any_client: Any, offline: OfflineModel, captured: Captured, style: Style) -> None:
    """A response is one record with the fields of its request and its answer."""
    offline.next('{"words": "one two three"}')

    await style(any_client)

    (call,) = captured.calls
    (answer,) = offline.answers
    assert facts(call) == expected_response(answer)


async def test_retries_are_one_record(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """A call that succeeds at the third attempt is one record with two retries."""
    offline.next(status=429, times=2, retry_after_ms=1)
    client = any_client.client.with_options(max_retries=3)

    await any_client.result(client.chat.completions.create(**CHAT))

    (call,) = captured.calls
    assert (call.status, call.retries, call.response_id) == ("ok", 2, offline.answers[-1].json["id"])


async def test_failure(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """A refused call is one record with the error's class, status and body, and the number of retries."""
    offline.next(status=429, times=None, retry_after_ms=1, message="Slow down.")
    client = any_client.client.with_options(max_retries=1)

    with pytest.raises(openai.RateLimitError) as raised:
        await any_client.result(client.chat.completions.create(**CHAT))

    (call,) = captured.calls
    assert call.error is not None
    assert (call.status, call.retries, call.error.type) == ("error", 1, "RateLimitError")
    assert (call.error.status_code, call.error.body) == (429, offline.answers[-1].json)
    assert call.error.message == str(raised.value)
    assert (call.input, call.output, call.usage) == (MESSAGES, None, None)
    assert call.request_id == offline.answers[-1].headers["x-request-id"]


async def test_connection_failure(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """A call whose connection fails is one record with its input and error."""
    offline.next(cut="headers", times=None)

    with pytest.raises(openai.APIConnectionError):
        await any_client.result(any_client.client.chat.completions.create(**CHAT))

    (call,) = captured.calls
    assert call.error is not None
    assert (call.status, call.error.type, call.input) == ("error", "APIConnectionError", MESSAGES)


async def test_timeout(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """A call that times out is one record with its input and error."""
    offline.next(delay=5)
    client = any_client.client.with_options(timeout=0.05)

    with pytest.raises(openai.APITimeoutError):
        await any_client.result(client.chat.completions.create(**CHAT))

    (call,) = captured.calls
    assert call.error is not None
    assert (call.status, call.error.type, call.input) == ("error", "APITimeoutError", MESSAGES)


async def test_parsing_failure(any_client: Any, offline: OfflineModel, captured: Captured) -> None:
    """An answer that the client cannot parse is recorded, with the error."""
    offline.next(Reply(text='{"words"', finish_reason="length"))

    with pytest.raises(openai.LengthFinishReasonError):
        await any_client.result(any_client.client.chat.completions.parse(**CHAT, response_format=Sentence))

    (call,) = captured.calls
    assert call.error is not None
    assert (call.status, call.error.type) == ("error", "LengthFinishReasonError")
    assert (call.finish_reasons, call.response_id) == (["length"], offline.answers[-1].json["id"])


def facts(call: StoredCall) -> dict[str, Any]:
    """Return the fields of a record that follow from the request and the answer."""
    names = (
        "kind name status error provider operation request_model response_model response_id request_id stream"
        " stream_end retries parameters input output tool_calls finish_reasons usage end_user"
    )
    return {name: getattr(call, name) for name in names.split()} | {
        "is_priced": call.cost_usd is not None,
        "has_first_token": call.time_to_first_token_ms is not None,
    }


def expected_chat(answer: SentAnswer) -> dict[str, Any]:
    sent = answer.request.json
    is_stream = bool(sent.get("stream"))
    completion = merged(answer.events) if is_stream else answer.json
    messages = [choice["message"] for choice in completion["choices"]]
    calls = [call for message in messages for call in message.get("tool_calls") or ()]
    usage = completion.get("usage")
    return {
        "kind": "llm",
        "name": f"chat {sent['model']}",
        "operation": "chat",
        "parameters": without(sent, "model", "messages", "stream"),
        "input": sent["messages"],
        "output": messages,
        "tool_calls": [{"id": call["id"], **call["function"]} for call in calls] or None,
        "finish_reasons": [choice["finish_reason"] for choice in completion["choices"]],
        "usage": None
        if usage is None
        else StoredUsage(
            input_tokens=usage["prompt_tokens"],
            output_tokens=usage["completion_tokens"],
            cached_input_tokens=usage["prompt_tokens_details"]["cached_tokens"],
            cache_write_tokens=None,
            reasoning_tokens=usage["completion_tokens_details"]["reasoning_tokens"],
        ),
        **expected_of_any(answer, completion, is_stream),
    }


def expected_response(answer: SentAnswer) -> dict[str, Any]:
    sent = answer.request.json
    is_stream = bool(sent.get("stream"))
    response = answer.events[-1]["response"] if is_stream else answer.json
    instructions = {name: sent[name] for name in ("instructions", "input") if name in sent}
    usage = response["usage"]
    return {
        "kind": "llm",
        "name": f"chat {sent['model']}",
        "operation": "chat",
        "parameters": without(sent, "model", "input", "instructions", "stream") or None,
        "input": instructions if len(instructions) > 1 else sent["input"],
        "output": response["output"],
        "tool_calls": None,
        "finish_reasons": ["completed"],
        "usage": StoredUsage(
            input_tokens=usage["input_tokens"],
            output_tokens=usage["output_tokens"],
            cached_input_tokens=usage["input_tokens_details"]["cached_tokens"],
            cache_write_tokens=usage["input_tokens_details"].get("cache_write_tokens"),
            reasoning_tokens=usage["output_tokens_details"]["reasoning_tokens"],
        ),
        **expected_of_any(answer, response, is_stream),
    }


def expected_of_any(answer: SentAnswer, value: dict[str, Any], is_stream: bool) -> dict[str, Any]:
    return {
        "status": "ok",
        "error": None,
        "provider": "openai",
        "request_model": answer.request.json["model"],
        "response_model": value["model"],
        "response_id": value["id"],
        "request_id": answer.headers["x-request-id"],
        "stream": is_stream,
        "stream_end": "complete" if is_stream else None,
        "retries": 0,
        "end_user": None,
        "is_priced": value.get("usage") is not None,
        "has_first_token": is_stream,
    }


def merged(chunks: list[Any]) -> dict[str, Any]:
    """Merge chunks of the offline model into a completion."""
    completion: dict[str, Any] = {"id": chunks[0]["id"], "model": chunks[0]["model"], "usage": chunks[-1].get("usage")}
    choices: dict[int, Any] = {}
    for part in (part for chunk in chunks for part in chunk["choices"]):
        choice = choices.setdefault(part["index"], {"message": {"role": "assistant", "content": None}})
        message = choice["message"]
        choice["finish_reason"] = part["finish_reason"]
        if part["delta"].get("content"):
            message["content"] = (message["content"] or "") + part["delta"]["content"]
        for call in part["delta"].get("tool_calls") or ():
            calls = message.setdefault("tool_calls", [])
            if call["index"] == len(calls):
                calls.append({"id": call["id"], "type": "function", "function": {"name": "", "arguments": ""}})
            for name, text in call["function"].items():
                calls[call["index"]]["function"][name] += text
    return completion | {"choices": [choices[index] for index in sorted(choices)]}


def without(sent: dict[str, Any], *names: str) -> Any:
    kept = {name: value for name, value in sent.items() if name not in names}
    return json.loads(json.dumps(kept)) or None


@pytest.mark.parametrize("is_stream", [False, True])
async def test_the_tier_that_answered_is_paid_for(
    any_client: Any, offline: OfflineModel, captured: Captured, is_stream: bool
) -> None:
    """A call is priced by the tier in which the provider served it, whole or streamed, in both APIs."""
    client, stream = any_client.client, {"stream": is_stream}
    usage = {"stream_options": {"include_usage": True}} if is_stream else {}
    for tier in ("flex", "default"):
        chat = client.chat.completions.create(
            model="gpt-5", messages=[{"role": "user", "content": "Hi"}], service_tier=tier, **stream, **usage
        )
        response = client.responses.create(model="gpt-5", input="Hi", service_tier=tier, **stream)
        for call in (chat, response):
            answer = await any_client.result(call)
            if is_stream:
                await any_client.read(answer)

    costs = [call.cost_usd or 0 for call in captured.calls]
    assert [2 * cost for cost in costs[:2]] == costs[2:]
    assert all(costs)
