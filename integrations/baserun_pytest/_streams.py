"""A stream of events that was received, put together as the answer that it would have been without streaming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from baserun.testing._replay.recording import Answer
from baserun_pytest._chat_stream import merge_chat

_WHOLE = ("response.completed", "response.incomplete", "response.failed")
_INDEX = {"content": "content_index", "summary": "summary_index"}
_DELTAS = {
    "output_text.delta": ("content", "text"),
    "refusal.delta": ("content", "refusal"),
    "reasoning_summary_text.delta": ("summary", "text"),
    "function_call_arguments.delta": ("", "arguments"),
    "custom_tool_call_input.delta": ("", "input"),
}
"""Where the pieces of a response belong in its items."""


def merged(path: str, status: int, body: bytes, fault: str | None) -> Answer:
    """The answer that the events of `body` make up; with a fault, as far as it came."""
    events = list(_events(body))
    error = next((_error(event) for event in events if event.get("error") or event.get("type") == "error"), None)
    answer = Answer(status=status, stream=True, fault=fault if error is None else "error", error=error)
    if path == "/responses":
        answer.body = next((event["response"] for event in reversed(events) if event.get("type") in _WHOLE), None)
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
    """What the provider says went wrong: in a member of its own, or as the event itself."""
    return event.get("error") or {name: value for name, value in event.items() if name != "sequence_number"}


def _response_so_far(events: list[dict[str, Any]]) -> dict[str, Any]:
    """A response that was cut, with its items as far as they were told."""
    whole: dict[str, Any] = next((event["response"] for event in events if "response" in event), {})
    items: dict[int, dict[str, Any]] = {}
    for event in events:
        if isinstance(event.get("item"), dict):
            items[event.get("output_index", len(items))] = event["item"]
        elif event.get("output_index") in items:
            _continue(items[event["output_index"]], event)
    return {**whole, "output": [items[index] for index in sorted(items)]}


def _continue(item: dict[str, Any], event: dict[str, Any]) -> None:
    kind = str(event.get("type")).removeprefix("response.")
    if kind == "content_part.added":
        item["content"].append(event["part"])
    elif kind == "reasoning_summary_part.added":
        item["summary"].append(event["part"])
    elif kind in _DELTAS:
        place, name = _DELTAS[kind]
        told = item[place][event[_INDEX[place]]] if place else item
        told[name] = (told.get(name) or "") + event["delta"]


def _completion(events: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        whole.update({name: value for name, value in event.items() if name != "choices" and value is not None})
        for part in event.get("choices") or ():
            choice = choices.setdefault(part.get("index") or 0, {**part, "text": ""})
            choice["text"] += part.get("text") or ""
            choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
    return {**whole, "choices": [choices[index] for index in sorted(choices)]}
