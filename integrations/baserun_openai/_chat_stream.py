"""Merging the chunks of a streamed chat completion."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from baserun_openai._binary import decode_base64
from baserun_openai._exchange import Merged
from baserun_openai._failure import failure_in
from baserun_openai._sse import Event, decoded
from baserun_openai._tool_calls import ToolCallMerger
from baserun_openai._wire import object_of, objects_of

_FIXED = ("role", "id", "type", "name", "expires_at", "index")
"""String members of a delta that are sent once, or repeated; all others are appended."""


class _Choice:
    """One choice, merged from its deltas."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.others: dict[str, Any] = {}
        self.tool_calls = ToolCallMerger()
        self.function: dict[str, str] | None = None
        self.audio: dict[str, Any] | None = None
        self.finish_reason: str | None = None
        self.error: Any = None

    def add(self, delta: dict[str, Any]) -> bool:
        """Merge a delta; return whether it had content."""
        has_content = False
        for name, value in delta.items():
            if value is None or value == "":
                continue
            if name in _FIXED:
                self.others[name] = value
                continue
            has_content = True
            if isinstance(value, str):
                self.texts.setdefault(name, []).append(value)
            elif name == "tool_calls":
                self.tool_calls.add(objects_of(value))
            elif name == "function_call":
                self._add_function(object_of(value))
            elif name == "audio":
                self._add_audio(object_of(value))
            elif isinstance(value, list):
                before = self.others.get(name)
                self.others[name] = [*before, *value] if isinstance(before, list) else value
            else:
                self.others[name] = value
        return has_content

    def add_whole(self, message: dict[str, Any]) -> bool:
        """Merge a whole message: its texts and tool calls replace those of earlier deltas."""
        said = {name: value for name, value in message.items() if value}
        for name in said:
            self.texts.pop(name, None)
        if "tool_calls" in said:
            self.tool_calls = ToolCallMerger()
        return self.add(said)

    def _add_function(self, delta: dict[str, Any]) -> None:
        function = self.function = self.function or {"name": "", "arguments": ""}
        for name in function:
            if isinstance(delta.get(name), str):
                function[name] += delta[name]

    def _add_audio(self, delta: dict[str, Any]) -> None:
        audio = self.audio = self.audio or {}
        for name, value in delta.items():
            before = audio.get(name)
            if isinstance(value, str) and name not in _FIXED:
                audio[name] = [*before, value] if isinstance(before, list) else [value]
            elif value is not None and not isinstance(value, list):
                audio[name] = value

    def finished(self, index: int) -> dict[str, Any]:
        """Return the choice as it would be without streaming."""
        message = {**self.others, **{name: self._text(name, parts) for name, parts in self.texts.items()}}
        message = {"role": message.pop("role", "assistant"), "content": message.pop("content", None), **message}
        calls = self.tool_calls.finished()
        if calls:
            message["tool_calls"] = calls
        if self.function is not None:
            message["function_call"] = self.function
        if self.audio is not None:
            message["audio"] = {name: _whole(name, value) for name, value in self.audio.items()}
        return {"index": index, "message": message, "finish_reason": self.finish_reason, "error": self.error}

    def _text(self, name: str, parts: list[str]) -> Any:
        # Some servers send the reasoning as parts, and then the answer as plain text.
        text, before = "".join(parts), self.others.get(name)
        return [*before, {"type": "text", "text": text}] if isinstance(before, list) else text


class _PlainDelta(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    content: str


class _PlainPart(msgspec.Struct, gc=False):
    delta: _PlainDelta
    index: int
    finish_reason: None = None
    error: None = None


class _PlainChunk(msgspec.Struct, gc=False):
    """A chunk with only the next text of one choice, as nearly all are; decoding it so takes a third of the time."""

    choices: tuple[_PlainPart]
    usage: None = None
    error: None = None


_decode_plain = msgspec.json.Decoder(_PlainChunk).decode


def merge(events: Iterable[Event]) -> Merged:
    """Merge the chunks into a completion; the last usage found counts, even if chunks without one follow."""
    completion: dict[str, Any] = {}
    choices: dict[int, _Choice] = {}
    merged = Merged(answer=completion)
    for event, chunk in decoded(_without_plain(events, choices, merged)):
        merged.error = failure_in(event, chunk) or merged.error
        for name in ("id", "model", "service_tier"):
            if chunk.get(name):
                completion[name] = chunk[name]
        completion["usage"] = _usage_in(chunk) or completion.get("usage")
        for part in objects_of(chunk.get("choices")):
            if _add(choices, part) and merged.first_offset is None:
                merged.first_offset = event.end
    completion["choices"] = [choices[index].finished(index) for index in sorted(choices)]
    return merged


def _without_plain(events: Iterable[Event], choices: dict[int, _Choice], merged: Merged) -> Iterator[Event]:
    """Merge the plain chunks of choices that have begun; yield all other events."""
    for event in events:
        try:
            part = _decode_plain(event.data).choices[0] if choices else None
        except (msgspec.MsgspecError, ValueError):
            part = None
        choice = None if part is None else choices.get(part.index)
        if part is None or choice is None:
            yield event
        elif part.delta.content:
            choice.texts.setdefault("content", []).append(part.delta.content)
            if merged.first_offset is None:
                merged.first_offset = event.end


def _usage_in(chunk: dict[str, Any]) -> Any:
    # OpenAI sends it in the chunk, Groq in a member of its own, Moonshot in the last part of a choice.
    places = (chunk, object_of(chunk.get("x_groq")), *objects_of(chunk.get("choices")))
    return next((place["usage"] for place in places if place.get("usage")), None)


def _add(choices: dict[int, _Choice], part: dict[str, Any]) -> bool:
    index = part.get("index")
    index = index if isinstance(index, int) else 0
    choice = choices.get(index) or choices.setdefault(index, _Choice())
    if part.get("finish_reason"):
        choice.finish_reason = part["finish_reason"]
    if part.get("error"):
        choice.error = part["error"]
    if part.get("delta"):
        return choice.add(object_of(part["delta"]))
    # Some compatible servers send a whole message in place of a delta in the last chunk.
    return choice.add_whole(object_of(part.get("message")))


def _whole(name: str, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if name != "data":
        return "".join(value)
    # Each part is padded base64 by itself; concatenated, they would not be valid base64.
    return base64.b64encode(b"".join(decode_base64(part) for part in value)).decode()
