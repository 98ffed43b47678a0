"""Merging the events of a stream into the answer that would have come without streaming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from baserun.testing._replay.recording import Answer
from baserun_pytest._chat_stream import merge_chat, objects_in

_WHOLE = ("response.completed", "response.incomplete", "response.failed")
_INDEX = {"content": "content_index", "summary": "summary_index"}
_DELTAS = {
    "output_text.delta": ("content", "text", "output_text"),
    "refusal.delta": ("content", "refusal", "refusal"),
    "reasoning_summary_text.delta": ("summary", "text", "summary_text"),
    "function_call_arguments.delta": ("", "arguments", ""),
    "custom_tool_call_input.delta": ("", "input", ""),
}
"""Where the deltas of a response belong in its items: the list, the member, and the type of its parts."""


def merged(path: str, status: int, body: bytes, fault: str | None) -> Answer:
    """Merge the events of `body` into an answer; after a fault it has what was received."""
    events = list(_events(body))
    error = next((_error(event) for event in events if event.get("error") or event.get("type") == "error"), None)
    answer = Answer(status=status, stream=True, fault=fault if error is None else "error", error=error)
    if path == "/responses":
        answer.body = next((event["response"] for event in reversed(events) if _is_whole(event)), None)
        answer.body = answer.body or _response_so_far(events)
    elif path == "/completions":
        answer.body = _completion([event for event in events if "choices" in event])
    else:
        answer.body = merge_chat(events)
    return answer


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:"))
        try:
            value = msgspec.json.decode(data)
        except (msgspec.MsgspecError, ValueError):
            continue
        if isinstance(value, dict):
            yield value


def _error(event: dict[str, Any]) -> Any:
    """Return the error that the provider reports: a member of the event, or the event itself."""
    return event.get("error") or {name: value for name, value in event.items() if name != "sequence_number"}


def _is_whole(event: dict[str, Any]) -> bool:
    return event.get("type") in _WHOLE and isinstance(event.get("response"), dict)


def _response_so_far(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a truncated response, with the items as far as they were received."""
    told = (event["response"] for event in events if isinstance(event.get("response"), dict))
    items: dict[int, dict[str, Any]] = {}
    for event in events:
        index = event.get("output_index")
        index = index if isinstance(index, int) else len(items)
        if isinstance(event.get("item"), dict):
            items[index] = event["item"]
        elif index in items:
            _continue(items[index], event)
    return {**next(told, {}), "output": [items[index] for index in sorted(items)]}


def _continue(item: dict[str, Any], event: dict[str, Any]) -> None:
    kind = str(event.get("type")).removeprefix("response.")
    if kind in ("content_part.added", "reasoning_summary_part.added") and isinstance(event.get("part"), dict):
        _parts(item, "content" if kind == "content_part.added" else "summary").append(event["part"])
    elif kind in _DELTAS and isinstance(event.get("delta"), str):
        place, name, part_type = _DELTAS[kind]
        told = _part(_parts(item, place), event.get(_INDEX[place]), part_type) if place else item
        told[name] = str(told.get(name) or "") + event["delta"]


def _parts(item: dict[str, Any], place: str) -> list[Any]:
    if not isinstance(item.get(place), list):
        item[place] = []
    parts: list[Any] = item[place]
    return parts


def _part(parts: list[Any], index: Any, part_type: str) -> dict[str, Any]:
    """Return the part that a delta belongs to; some servers do not announce it, then it is added here."""
    at = len(parts) - 1 if index is None else index
    if not isinstance(at, int) or not 0 <= at < len(parts) or not isinstance(parts[at], dict):
        parts.append({"type": part_type})
        at = -1
    part: dict[str, Any] = parts[at]
    return part


def _completion(events: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        whole.update({name: value for name, value in event.items() if name != "choices" and value is not None})
        for part in objects_in(event.get("choices")):
            index = part.get("index")
            choice = choices.setdefault(index if isinstance(index, int) else 0, {**part, "text": ""})
            choice["text"] += part["text"] if isinstance(part.get("text"), str) else ""
            choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
    return {**whole, "choices": [choices[index] for index in sorted(choices)]}
