"""Merging the chunks of a streamed chat completion into one answer.

The client's own merging is for OpenAI only: it rejects some chunks of other servers, and merges some that belong apart.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

_SAID_ONCE = ("role", "id", "type")
"""Members that some servers repeat in each chunk."""


def merge_chat(events: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Merge the chunks into a completion; return an empty dict if there are none."""
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        parts = event.get("choices")
        if isinstance(parts, list):
            whole.update({name: value for name, value in event.items() if name != "choices" and value is not None})
            for part in objects_in(parts):
                _add(choices, part)
    if whole or choices:
        whole.update(object="chat.completion", choices=[_finished(choices[index]) for index in sorted(choices)])
    return whole


def _add(choices: dict[int, dict[str, Any]], part: dict[str, Any]) -> None:
    index = part.get("index")
    index = index if isinstance(index, int) else 0
    choice = choices.setdefault(index, {"index": index, "message": {}})
    delta = part.get("delta") or part.get("message")
    _fold(choice["message"], delta if isinstance(delta, dict) else {})
    _fold(choice, {name: value for name, value in part.items() if name not in ("index", "delta", "message")})


def _fold(whole: dict[str, Any], delta: dict[str, Any]) -> None:
    """Merge a delta into an object, in place."""
    for name, value in delta.items():
        before = whole.get(name)
        if value is None or (value == "" and before):
            continue
        if name == "tool_calls":
            _fold_calls(whole.setdefault(name, []), objects_in(value))
        elif isinstance(before, dict) and isinstance(value, dict):
            _fold(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            whole[name] = [*before, *value]
        elif isinstance(before, str) and isinstance(value, str):
            whole[name] = _joined(name, before, value)
        else:
            whole[name] = value


def _joined(name: str, before: str, more: str) -> str:
    if name in _SAID_ONCE or (name in ("name", "finish_reason") and more == before):
        return more
    if name != "data":
        return before + more
    try:  # audio: each part is padded base64 by itself
        return base64.b64encode(base64.b64decode(before) + base64.b64decode(more)).decode()
    except ValueError:
        return before + more


def _fold_calls(calls: list[dict[str, Any]], deltas: list[dict[str, Any]]) -> None:
    """Merge the deltas of tool calls, which a server may identify by index, by id, or not at all."""
    for delta in deltas:
        function = delta.get("function")
        if isinstance(function, dict) and not isinstance(function.get("arguments"), str | None):
            delta = {**delta, "function": {**function, "arguments": json.dumps(function["arguments"])}}
        index = delta.get("index")
        same = [call for call in calls if index is None or call.get("index") == index]
        if not same or _begins(same[-1], delta):
            calls.append(delta)
        else:
            _fold(same[-1], delta)


def _begins(call: dict[str, Any], delta: dict[str, Any]) -> bool:
    if call.get("id"):  # a server that sends ids sends one for every call
        return bool(delta.get("id") and delta["id"] != call["id"])
    return bool(_name(call) and _name(delta) and _is_complete(call))


def _name(call: dict[str, Any]) -> Any:
    function = call.get("function")
    return function.get("name") if isinstance(function, dict) else None


def _is_complete(call: dict[str, Any]) -> bool:
    try:
        json.loads(call["function"]["arguments"])
    except (KeyError, TypeError, ValueError):
        return False
    return True


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    calls = choice["message"].get("tool_calls")
    if calls:
        calls.sort(key=lambda call: call["index"] if isinstance(call.get("index"), int) else 0)
        for call in calls:
            call.pop("index", None)
    return choice


def objects_in(values: Any) -> list[dict[str, Any]]:
    """Return the dicts in a list; an empty list for any other value."""
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []
