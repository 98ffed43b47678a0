"""Splitting a recorded completion into chunks again."""

from __future__ import annotations

from itertools import zip_longest
from typing import Any

from baserun.testing._offline import tokens

Json = dict[str, Any]
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")
_OPENING = ("role", "name")


def chat_events(completion: Json, *, is_cut: bool = False) -> list[Json]:
    """Split a chat completion into chunks; one that was cut gets no finish reason."""
    head = {name: value for name, value in completion.items() if name not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    told = [_choice(choice, is_cut) for choice in completion["choices"]]
    events = [{**head, "choices": [chunk]} for turn in zip_longest(*told) for chunk in turn if chunk is not None]
    if completion.get("usage") is not None:
        events.append({**head, "choices": [], "usage": completion["usage"]})
    return events


def completion_events(completion: Json, *, is_cut: bool = False) -> list[Json]:
    """Split a legacy completion into chunks; one that was cut gets no finish reason."""
    head = {name: value for name, value in completion.items() if name not in ("choices", "usage")}
    events = []
    for choice in completion["choices"]:
        texts = tokens.split(choice.get("text") or "")
        events += [{**head, "choices": [{**choice, "text": text, "finish_reason": None}]} for text in texts]
        if not is_cut:
            events.append({**head, "choices": [{**choice, "text": ""}]})
    if completion.get("usage") is not None:
        events.append({**head, "choices": [], "usage": completion["usage"]})
    return events


def _choice(choice: Json, is_cut: bool) -> list[Json]:
    message = choice["message"]
    deltas: list[Json] = [{name: message[name] for name in _OPENING if message.get(name) is not None}]
    for field in _TEXTS:
        deltas += [{field: piece} for piece in tokens.split(message.get(field) or "")]
    for index, call in enumerate(message.get("tool_calls") or ()):
        deltas += [{"tool_calls": [delta]} for delta in _call(index, call)]
    told = (*_OPENING, *_TEXTS, "tool_calls")
    rest = {name: value for name, value in message.items() if name not in told and value is not None}
    if rest:
        deltas.append(rest)
    chunks = [{"index": choice["index"], "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas]
    if is_cut:
        return chunks
    return [
        *chunks,
        {"index": choice["index"], "delta": {}, "logprobs": None, "finish_reason": choice["finish_reason"]},
    ]


def _call(index: int, call: Json) -> list[Json]:
    kind = "custom" if "custom" in call else "function"
    said = "input" if kind == "custom" else "arguments"
    inner = call.get(kind) or {}
    opening = {**call, "index": index, kind: {**inner, said: ""}}
    return [opening, *({"index": index, kind: {said: piece}} for piece in tokens.split(inner.get(said) or ""))]
