"""POST /chat/completions."""

from __future__ import annotations

import base64
from typing import Any

from baserun.testing._offline import names, tokens
from baserun.testing._offline.call import Call
from baserun.testing._offline.chat_stream import chat_events
from baserun.testing._offline.errors import RequestError, required
from baserun.testing._offline.exchange import Answer, Json, data_events, json_answer
from baserun.testing._offline.logprobs import chat_logprobs
from baserun.testing._offline.pairing import check_messages
from baserun.testing._offline.prompt import (
    Message,
    Prompt,
    read_content,
    read_format,
    read_stop,
    read_tool_choice,
    read_tools,
)
from baserun.testing._offline.reply import Reply, variant
from baserun.testing._offline.sound import wav

AUDIO_LIFETIME = 3600  # seconds
MOST_CHOICES = 128
UNFILTERED = {kind: {"filtered": False, "severity": "safe"} for kind in ("hate", "self_harm", "sexual", "violence")}


async def create_chat_completion(call: Call) -> Answer:
    """Answer a conversation, whole or as a stream."""
    body = call.body()
    prompt = read_prompt(body)
    reply = await call.reply(prompt)
    completion = _completion(call, body, prompt, reply)
    if not body.get("stream"):
        return json_answer(completion)
    usage_wanted = bool((body.get("stream_options") or {}).get("include_usage"))
    return data_events(chat_events(completion, usage_wanted=usage_wanted, azure=call.is_azure))


def read_prompt(body: Json) -> Prompt:
    """Read the prompt from a request to the chat endpoint."""
    messages = required(body, "messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError("Invalid 'messages': expected a non-empty array.", param="messages")
    return Prompt(
        messages=tuple(_read_messages(messages)),
        tools=read_tools(body.get("tools")),
        tool_choice=read_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=read_format(body.get("response_format")),
        stop=read_stop(body.get("stop")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
    )


def _read_messages(messages: list[Any]) -> list[Message]:
    if not all(isinstance(message, dict) and "role" in message for message in messages):
        raise RequestError("Missing required parameter: 'messages[].role'.", param="messages")
    check_messages(messages)
    called: dict[str, str] = {}
    read = []
    for message in messages:
        for tool_call in message.get("tool_calls") or ():
            tool = tool_call.get("function") or tool_call.get("custom") or {}
            called[str(tool_call.get("id"))] = str(tool.get("name"))
        tool_name = called.get(str(message.get("tool_call_id")))
        read.append(read_content(message.get("content"), role=str(message["role"]), tool_name=tool_name))
    return read


def _completion(call: Call, body: Json, prompt: Prompt, reply: Reply) -> Json:
    model = call.model(body)
    count = min(int(body.get("n") or 1), MOST_CHOICES)
    replies = [reply if prompt.schema is not None else variant(reply, index) for index in range(count)]
    completion = {
        "id": call.ids.letters("chatcmpl-", 29),
        "object": "chat.completion",
        "created": call.now,
        "model": names.snapshot(model),
        "choices": [_choice(call, body, index, said) for index, said in enumerate(replies)],
        "usage": _usage(call, body, model, prompt, replies),
        "service_tier": _service_tier(body),
        "system_fingerprint": names.fingerprint(model),
    }
    if call.is_azure:
        completion["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": UNFILTERED}]
    return completion


def _choice(call: Call, body: Json, index: int, reply: Reply) -> Json:
    choice = {
        "index": index,
        "message": _message(call, body, reply),
        "logprobs": chat_logprobs(reply, int(body.get("top_logprobs") or 0)) if body.get("logprobs") else None,
        "finish_reason": reply.finished,
    }
    if call.is_azure:
        choice["content_filter_results"] = UNFILTERED
    return choice


def _message(call: Call, body: Json, reply: Reply) -> Json:
    says_text = reply.refusal is None and not reply.tool_calls
    message: Json = {
        "role": "assistant",
        "content": reply.text if says_text or reply.text else None,
        "refusal": reply.refusal,
        "annotations": [],
    }
    if reply.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.ids.letters("call_", 24),
                "type": "function",
                "function": {"name": tool_call.name, "arguments": tool_call.arguments},
            }
            for tool_call in reply.tool_calls
        ]
    if says_text and "audio" in (body.get("modalities") or ()):
        message["content"] = None
        message["audio"] = _audio(call, reply.text)
    return message


def _audio(call: Call, text: str) -> Json:
    return {
        "id": call.ids.hexadecimal("audio_", 24),
        "data": base64.b64encode(wav(text)).decode(),
        "expires_at": call.now + AUDIO_LIFETIME,
        "transcript": text,
    }


def _usage(call: Call, body: Json, model: str, prompt: Prompt, replies: list[Reply]) -> Json:
    thought = names.reasoning_tokens(model, body.get("reasoning_effort"))
    spoken = sum(tokens.count(reply.text) for reply in replies) if "audio" in (body.get("modalities") or ()) else 0
    said = sum(reply.tokens + thought for reply in replies)
    return {
        "prompt_tokens": prompt.tokens,
        "completion_tokens": said,
        "total_tokens": prompt.tokens + said,
        "prompt_tokens_details": {"cached_tokens": call.shared.cache.cached_tokens(prompt), "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": thought * len(replies),
            "audio_tokens": spoken,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _service_tier(body: Json) -> str:
    tier = body.get("service_tier")
    return "default" if tier in (None, "auto") else str(tier)
