"""Extracting messages from the input and output of a call, in the formats of several providers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from baserun.store import StoredCall
from baserun.wording.values import arguments_in_words, compact

USER, ASSISTANT, SYSTEM, TOOL, REASONING = "user", "assistant", "system", "tool", "reasoning"

_ROLES = {"developer": SYSTEM, "model": ASSISTANT, "function": TOOL, "ai": ASSISTANT, "human": USER}
_TEXT_MEMBERS = ("text", "refusal", "transcript", "thinking", "value")
_BEFORE = ("system", "instructions")
_CONVERSATION = ("messages", "input", "contents", "prompt")
_PLACES = ("url", "image_url", "file_id", "filename", "uri")
_MOST_DEPTH = 50
_MOST_PLACE = 200
"""Characters of a URL or file name."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call by the model."""

    name: str
    arguments: str
    id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    role: str
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    answers: str | None = field(default=None, compare=False)
    """The id of the tool call whose result this is."""


def said(value: Any, role: str) -> list[Message]:
    """Return the messages in a call's input or output; those without a role get `role`."""
    return [message for message in _messages(value, role, 0) if message.text or message.tool_calls]


def answered(call: StoredCall) -> list[Message]:
    """Return the messages in a call's output; tool calls that it does not have, but the record, are one more."""
    messages = said(call.output, ASSISTANT)
    if call.tool_calls and not any(message.tool_calls for message in messages):
        messages.append(Message(ASSISTANT, "", tuple(map(_recorded_tool_call, call.tool_calls))))
    return messages


def _recorded_tool_call(asked: dict[str, Any]) -> ToolCall:
    return ToolCall(str(asked.get("name")), arguments_in_words(asked.get("arguments")), _id(asked.get("id")))


def _messages(value: Any, role: str, depth: int) -> Iterator[Message]:
    if value is None or depth > _MOST_DEPTH:
        return
    if isinstance(value, str):
        yield Message(role, value)
    elif isinstance(value, list):
        for item in value:
            yield from _messages(item, role, depth + 1)
    elif isinstance(value, dict):
        yield from _from_object(value, role, depth)
    else:
        yield Message(role, compact(value))


def _from_object(value: dict[str, Any], role: str, depth: int) -> Iterator[Message]:
    if "role" in value:
        yield _message(value)
    elif _is_tool_call(value):
        yield Message(ASSISTANT, "", (_tool_call(value),))
    elif str(value.get("type")).endswith("_call_output"):
        yield Message(TOOL, _text(value.get("output")), answers=_id(value.get("call_id")))
    elif value.get("type") == "reasoning":
        yield Message(REASONING, _text(value.get("summary")) or _text(value.get("content")))
    elif any(name in value for name in (*_BEFORE, *_CONVERSATION)):
        for name in _BEFORE:
            yield from _messages(value.get(name), SYSTEM, depth + 1)
        for name in _CONVERSATION:
            yield from _messages(value.get(name), role, depth + 1)
    else:
        yield Message(role, _part(value))


def _message(value: dict[str, Any]) -> Message:
    role = str(value["role"])
    content = value.get("content", value.get("parts"))
    texts = [_text(content), *(_text(value.get(name)) for name in ("refusal", "audio"))]
    calls = [call for call in _objects(value.get("tool_calls")) + _objects(content) if _is_tool_call(call)]
    legacy = value.get("function_call")
    found = [_tool_call(call) for call in [*calls, *([legacy] if isinstance(legacy, dict) else [])]]
    text = "\n".join(text for text in texts if text)
    return Message(_ROLES.get(role, role), text, tuple(found), answers=_id(value.get("tool_call_id")))


def _is_tool_call(value: dict[str, Any]) -> bool:
    kind = str(value.get("type"))
    return kind == "tool_use" or kind.endswith("_call") or isinstance(value.get("function"), dict)


def _tool_call(value: dict[str, Any]) -> ToolCall:
    inner = next((value[name] for name in ("function", "custom") if isinstance(value.get(name), dict)), value)
    name = inner.get("name") or str(value.get("type")).removesuffix("_call")
    arguments = next((inner[key] for key in ("arguments", "input", "action", "operation") if key in inner), None)
    return ToolCall(str(name), arguments_in_words(arguments), _id(value.get("call_id") or value.get("id")))


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [_part(part) if isinstance(part, dict) else _text(part) for part in content]
        return "\n".join(part for part in parts if part)
    return _part(content) if isinstance(content, dict) else compact(content)


def _part(part: dict[str, Any]) -> str:
    for name in _TEXT_MEMBERS:
        if isinstance(part.get(name), str):
            return str(part[name])
    if _is_tool_call(part):
        return ""
    kind = part.get("type")
    if kind == "tool_result":
        return compact(part.get("content"))
    # A picture, sound or file: words can only say that it was there.
    return f"[{kind}{_described(part)}]" if isinstance(kind, str) else compact(part)


def _described(part: dict[str, Any]) -> str:
    """Return where a file is, or the type and size of one that was not stored; empty if neither is known."""
    waiting: list[Any] = [part]
    while waiting:
        value = waiting.pop(0)
        if not isinstance(value, dict):
            continue
        if isinstance(value.get("size"), int) and "sha256" in value:
            return f": {value.get('type')}, {value['size']:,} bytes"
        url = next((value[name] for name in _PLACES if isinstance(value.get(name), str)), None)
        if url is not None:
            return f": {url[:_MOST_PLACE]}"
        waiting += value.values()
    return ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
