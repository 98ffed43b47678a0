"""What the model says, before an endpoint gives it its shape."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from baserun.testing._offline import tokens

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A function that the model wants called, with its arguments as JSON text."""

    name: str
    arguments: str

    def __post_init__(self) -> None:
        if not isinstance(self.arguments, str):
            raise TypeError(f"A call's arguments are JSON text: write json.dumps({self.arguments!r})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model says: text, calls of tools, or a refusal."""

    text: str = field(default="", kw_only=False)
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    finish_reason: FinishReason | None = None
    """None: `tool_calls` when there are some, else `stop`."""
    error: str | None = None
    """Responses only: the response fails with this message after it has begun."""

    @property
    def finished(self) -> FinishReason:
        """The finish reason that the provider would give."""
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    @property
    def tokens(self) -> int:
        """How many tokens the reply has."""
        calls = sum(tokens.count(call.name) + tokens.count(call.arguments) for call in self.tool_calls)
        return tokens.count(self.text) + tokens.count(self.refusal or "") + calls


def shortened(reply: Reply, *, stop: tuple[str, ...], max_tokens: int | None) -> Reply:
    """`reply` ended before the first stop word, and after `max_tokens`."""
    ends = [reply.text.index(word) for word in stop if word and word in reply.text]
    if ends:
        reply = replace(reply, text=reply.text[: min(ends)])
    pieces = tokens.split(reply.text)
    if max_tokens is None or len(pieces) <= max_tokens:
        return reply
    return replace(reply, text="".join(pieces[:max_tokens]), finish_reason="length")


def variant(reply: Reply, index: int) -> Reply:
    """The reply of choice number `index`: the first is the reply itself, the others say which they are."""
    if index == 0 or not reply.text or reply.finish_reason is not None:
        return reply
    return replace(reply, text=f"{reply.text} (choice {index + 1})")
