"""POST /completions, the legacy endpoint."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from baserun.testing._offline import names, tokens
from baserun.testing._offline.call import Call
from baserun.testing._offline.errors import RequestError, required
from baserun.testing._offline.exchange import Answer, Json, data_events, json_answer
from baserun.testing._offline.logprobs import logprob
from baserun.testing._offline.prompt import Message, Prompt, read_stop
from baserun.testing._offline.reply import Reply, variant

DEFAULT_MAX_TOKENS = 16


async def create_completion(call: Call) -> Answer:
    """Continue one or more prompts, whole or as a stream."""
    body = call.body()
    prompts = [_read_prompt(body, text) for text in _texts(required(body, "prompt"))]
    answers = [await call.reply(prompt) for prompt in prompts]
    replies = [variant(reply, index) for reply in answers for index in range(int(body.get("n") or 1))]
    completion = _completion(call, body, prompts, replies)
    if not body.get("stream"):
        return json_answer(completion)
    return data_events(_chunks(completion, bool((body.get("stream_options") or {}).get("include_usage"))))


def _texts(prompt: Any) -> list[str]:
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list) or not prompt:
        raise RequestError("Invalid type for 'prompt': expected a string or a non-empty array.", param="prompt")
    if isinstance(prompt[0], int):
        return [" ".join(map(str, prompt))]
    return [text if isinstance(text, str) else " ".join(map(str, text)) for text in prompt]


def _read_prompt(body: Json, text: str) -> Prompt:
    longest = body.get("max_tokens")
    return Prompt(
        messages=(Message(role="user", text=text),),
        stop=read_stop(body.get("stop")),
        max_tokens=DEFAULT_MAX_TOKENS if longest is None else longest,
    )


def _completion(call: Call, body: Json, prompts: list[Prompt], replies: list[Reply]) -> Json:
    model = call.model(body)
    asked = sum(tokens.count(prompt.last.text) for prompt in prompts)
    said = sum(reply.tokens for reply in replies)
    return {
        "id": call.ids.letters("cmpl-", 29),
        "object": "text_completion",
        "created": call.now,
        "model": names.snapshot(model),
        "choices": [_choice(body, index, reply) for index, reply in enumerate(replies)],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
        "system_fingerprint": names.fingerprint(model),
    }


def _choice(body: Json, index: int, reply: Reply) -> Json:
    reason = reply.finished if reply.finished in ("length", "content_filter") else "stop"
    text = reply.text or reply.refusal or ""
    logprobs = _logprobs(text) if body.get("logprobs") is not None else None
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason}


def _logprobs(text: str) -> Json:
    pieces = tokens.split(text)
    offsets = [sum(len(piece) for piece in pieces[:index]) for index in range(len(pieces))]
    known = [logprob(piece) for piece in pieces]
    top = [{piece: value} for piece, value in zip(pieces, known, strict=True)]
    return {"tokens": pieces, "token_logprobs": known, "top_logprobs": top, "text_offset": offsets}


def _chunks(completion: Json, usage_wanted: bool) -> list[Json]:
    head = {key: value for key, value in completion.items() if key not in ("choices", "usage")}
    if usage_wanted:
        head["usage"] = None
    told = [_choice_chunks(choice) for choice in completion["choices"]]
    chunks = [{**head, "choices": [chunk]} for turn in zip_longest(*told) for chunk in turn if chunk is not None]
    return [*chunks, {**head, "choices": [], "usage": completion["usage"]}] if usage_wanted else chunks


def _choice_chunks(choice: Json) -> list[Json]:
    quiet = {"index": choice["index"], "logprobs": None, "finish_reason": None}
    pieces = [{**quiet, "text": piece} for piece in tokens.split(choice["text"])]
    return [*pieces, {**quiet, "text": "", "finish_reason": choice["finish_reason"]}]
