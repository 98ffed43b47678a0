"""Merging the deltas of tool calls, which not every server numbers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any


class _ToolCall:
    __slots__ = ("arguments", "id", "kind", "name", "place")

    def __init__(self, place: int) -> None:
        self.place = place
        self.id: str | None = None
        self.kind = "function"
        self.name = ""
        self.arguments: list[str] = []

    def is_complete(self) -> bool:
        """Whether the arguments so far are valid JSON."""
        try:
            json.loads("".join(self.arguments))
        except ValueError:
            return False
        return True

    def finished(self) -> dict[str, Any]:
        arguments = "".join(self.arguments)
        if self.kind == "custom":
            return {"id": self.id, "type": "custom", "custom": {"name": self.name, "input": arguments}}
        return {"id": self.id, "type": self.kind, "function": {"name": self.name, "arguments": arguments}}


def arguments_text(given: Any) -> str:
    """Return the arguments of a tool call as JSON text; some servers send an object instead."""
    return given if isinstance(given, str) else json.dumps(given)


class ToolCallMerger:
    """Merges deltas into tool calls.

    OpenAI numbers parallel calls by ``index``. Compatible servers repeat index 0 for each call, omit it, omit ids, or
    repeat id and name in every delta; so another id, or a name after complete arguments, begins another call.
    """

    def __init__(self) -> None:
        self._calls: list[_ToolCall] = []
        self._at: dict[Any, _ToolCall] = {}

    def add(self, deltas: Iterable[dict[str, Any]]) -> None:
        """Merge the deltas of one chunk."""
        for delta in deltas:
            kind = "custom" if isinstance(delta.get("custom"), dict) else "function"
            body = delta.get(kind)
            body = body if isinstance(body, dict) else {}
            self._extend(self._call_of(delta, body), delta, kind, body)

    def finished(self) -> list[dict[str, Any]]:
        """Return the calls ordered by index; those with the same index, or none, in the order they began."""
        return [call.finished() for call in sorted(self._calls, key=lambda call: call.place)]

    def _call_of(self, delta: dict[str, Any], body: dict[str, Any]) -> _ToolCall:
        index = delta.get("index")
        index = index if isinstance(index, int) else None
        call = self._at.get(index)
        if call is None and index is None and self._calls and not self._begins(self._calls[-1], delta, body):
            return self._calls[-1]
        if call is None or self._begins(call, delta, body):
            call = self._at[index] = _ToolCall(len(self._calls) if index is None else index)
            self._calls.append(call)
        return call

    @staticmethod
    def _begins(call: _ToolCall, delta: dict[str, Any], body: dict[str, Any]) -> bool:
        given = delta.get("id")
        if call.id:  # a server that sends ids sends one for every call
            return bool(given and given != call.id)
        return bool(body.get("name") and call.name and call.is_complete())

    @staticmethod
    def _extend(call: _ToolCall, delta: dict[str, Any], kind: str, body: dict[str, Any]) -> None:
        call.id = call.id or delta.get("id") or None
        if kind == "custom" or delta.get("type"):
            call.kind = delta.get("type") or kind
        name = body.get("name")
        if isinstance(name, str) and name != call.name:
            call.name += name
        text = body.get("arguments", body.get("input"))
        if text is not None:
            call.arguments.append(arguments_text(text))
