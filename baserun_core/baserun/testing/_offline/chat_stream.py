"""Splitting a chat completion into chunks."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from baserun.testing._offline import tokens
from baserun.testing._offline.exchange import Json

SOUND_PIECE = 4096  # base64 characters of audio in one chunk


def chat_events(completion: Json, *, usage_wanted: bool, azure: bool) -> list[Json]:
    """Split a completion into chunks: choices take turns, one token at a time."""
    head = {key: completion[key] for key in ("id", "created", "model", "service_tier", "system_fingerprint")}
    head["object"] = "chat.completion.chunk"
    if usage_wanted:
        head["usage"] = None
    chunks = []
    if azure:
        first = {"choices": [], "prompt_filter_results": completion["prompt_filter_results"]}
        chunks.append({**head, "id": "", "model": "", "created": 0, **first})
    told = [_choice_chunks(choice) for choice in completion["choices"]]
    chunks += [{**head, "choices": [chunk]} for turn in zip_longest(*told) for chunk in turn if chunk is not None]
    if usage_wanted:
        chunks.append({**head, "choices": [], "usage": completion["usage"]})
    return chunks


def _choice_chunks(choice: Json) -> list[Json]:
    message, probabilities = choice["message"], choice["logprobs"] or {}
    chunks = [_chunk(choice, _opening(message))]
    chunks += _text_chunks(choice, "content", message["content"], probabilities.get("content"))
    chunks += _text_chunks(choice, "refusal", message["refusal"], probabilities.get("refusal"))
    for index, call in enumerate(message.get("tool_calls", ())):
        chunks += _call_chunks(choice, index, call)
    if "audio" in message:
        chunks += _sound_chunks(choice, message["audio"])
    chunks.append(_chunk(choice, {}, finish_reason=choice["finish_reason"]))
    return chunks


def _opening(message: Json) -> Json:
    opening: Json = {"role": "assistant", "content": "" if message["content"] is not None else None}
    if message["refusal"] is None:
        opening["refusal"] = None
    return opening


def _text_chunks(choice: Json, field: str, text: str | None, probabilities: list[Any] | None) -> list[Json]:
    return [
        _chunk(choice, {field: piece}, logprobs={field: probabilities[index : index + 1]} if probabilities else None)
        for index, piece in enumerate(tokens.split(text or ""))
    ]


def _call_chunks(choice: Json, index: int, call: Json) -> list[Json]:
    function = call["function"]
    opening = {**call, "index": index, "function": {"name": function["name"], "arguments": ""}}
    pieces = [{"index": index, "function": {"arguments": piece}} for piece in tokens.split(function["arguments"])]
    return [_chunk(choice, {"tool_calls": [delta]}) for delta in (opening, *pieces)]


def _sound_chunks(choice: Json, sound: Json) -> list[Json]:
    spoken = [{"transcript": piece} for piece in tokens.split(sound["transcript"])]
    data = sound["data"]
    heard = [{"data": data[start : start + SOUND_PIECE]} for start in range(0, len(data), SOUND_PIECE)]
    deltas = [{"id": sound["id"]}, *spoken, *heard, {"expires_at": sound["expires_at"]}]
    return [_chunk(choice, {"audio": delta}) for delta in deltas]


def _chunk(choice: Json, delta: Json, *, logprobs: Json | None = None, finish_reason: str | None = None) -> Json:
    chunk = {"index": choice["index"], "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
    if finish_reason is not None and "content_filter_results" in choice:
        chunk["content_filter_results"] = choice["content_filter_results"]
    return chunk
