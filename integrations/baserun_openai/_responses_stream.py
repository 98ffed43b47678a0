"""Merging the events of a streamed response: the last one has all of it, unless the stream ended early."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baserun_openai._exchange import Merged
from baserun_openai._failure import failure_in
from baserun_openai._sse import Event, decoded
from baserun_openai._wire import object_of

_WHOLE = ("response.completed", "response.incomplete", "response.failed")
_TEXT_OF_DELTA = {
    "response.function_call_arguments.delta": "arguments",
    "response.mcp_call_arguments.delta": "arguments",
    "response.custom_tool_call_input.delta": "input",
    "response.code_interpreter_call_code.delta": "code",
}
_PART_OF_DELTA = {
    "response.output_text.delta": ("content", "content_index", "output_text", "text"),
    "response.refusal.delta": ("content", "content_index", "refusal", "refusal"),
    "response.reasoning_text.delta": ("content", "content_index", "reasoning_text", "text"),
    "response.reasoning_summary_text.delta": ("summary", "summary_index", "summary_text", "text"),
}


def merge(events: Iterable[Event]) -> Merged:
    """Return the response; an unfinished one has the items and texts that arrived."""
    events = list(events)
    merged = _whole(events) or _unfinished(events)
    merged.first_offset = next((event.end for event in events if _has_content(event)), None)
    return merged


def _has_content(event: Event) -> bool:
    # The type is the name of the event or, with servers that send no names, the first member of its data.
    return event.name.endswith(b".delta") if event.name else b'.delta"' in event.data[:200]


def _whole(events: list[Event]) -> Merged | None:
    # The last event has the whole response; the others need not be decoded.
    for _, last in decoded(reversed(events[-3:])):
        if last.get("type") in _WHOLE and isinstance(last.get("response"), dict):
            return Merged(answer=last["response"])
    return None


def _unfinished(events: list[Event]) -> Merged:
    response: dict[str, Any] = {}
    items: dict[int, dict[str, Any]] = {}
    merged = Merged(answer=response)
    for event, value in decoded(events):
        merged.error = failure_in(event, value) or merged.error
        if isinstance(value.get("response"), dict):
            response.update(value["response"])
        else:
            _add(items, str(value.get("type")), value)
    response["output"] = [items[index] for index in sorted(items)] or response.get("output")
    return merged


def _add(items: dict[int, dict[str, Any]], kind: str, event: dict[str, Any]) -> None:
    index = event.get("output_index")
    if not isinstance(index, int):
        return
    if kind in ("response.output_item.added", "response.output_item.done"):
        items[index] = object_of(event.get("item"))
        return
    item = items.setdefault(index, {"type": "message", "role": "assistant"})
    delta = event.get("delta")
    if kind in _TEXT_OF_DELTA and isinstance(delta, str):
        name = _TEXT_OF_DELTA[kind]
        item[name] = (item.get(name) or "") + delta
    elif kind in _PART_OF_DELTA and isinstance(delta, str):
        _extend_part(item, event, *_PART_OF_DELTA[kind], delta)


def _extend_part(
    item: dict[str, Any], event: dict[str, Any], member: str, index_name: str, part_type: str, text: str, delta: str
) -> None:
    parts = item.setdefault(member, [])
    if not isinstance(parts, list):
        return
    index = event.get(index_name)
    index = index if isinstance(index, int) and 0 <= index <= len(parts) else len(parts)
    if index == len(parts):
        parts.append({"type": part_type, text: ""})
    part = object_of(parts[index])
    part[text] = str(part.get(text) or "") + delta
