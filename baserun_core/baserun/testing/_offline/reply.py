"""The model's reply, before an endpoint formats it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from baserun.testing._offline import tokens

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call of a function by the model, with its arguments as JSON text."""

    name: str
    arguments: str

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"A call's name is that of a function, a non-empty text, not {self.name!r}")
        if not isinstance(self.arguments, str):
            raise TypeError(f"A call's arguments are JSON text: write json.dumps({self.arguments!r})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The model's reply: text, tool calls, or a refusal."""

    text: str = field(default="", kw_only=False)
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
    finish_reason: FinishReason | None = None
    """None: `tool_calls` when there are some, else `stop`."""
    error: str | None = None
    """Responses only: the response fails with this message after it has begun."""

    def __post_init__(self) -> None:
        for name in ("text", "refusal", "finish_reason", "error"):
            value = getattr(self, name)
            if not isinstance(value, str) and (value is not None or name == "text"):
                raise TypeError(f"A reply's {name} is a text, not {value!r}; an object is json.dumps(...).")
        calls: object = self.tool_calls
        if not isinstance(calls, tuple | list) or not all(isinstance(call, ToolCall) for call in calls):
            raise TypeError(
                f"A reply's tool_calls are a tuple, such as (ToolCall(name='f', arguments='{{}}'),), not {calls!r}"
            )

    @property
    def finished(self) -> FinishReason:
        """The finish reason that the provider would give."""
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")

    @property
    def tokens(self) -> int:
        """The number of tokens of the reply."""
        calls = sum(tokens.count(call.name) + tokens.count(call.arguments) for call in self.tool_calls)
        return tokens.count(self.text) + tokens.count(self.refusal or "") + calls


def shortened(reply: Reply, *, stop: tuple[str, ...], max_tokens: int | None) -> Reply:
    """Return `reply`, ended before the first stop sequence and after `max_tokens`."""
    ends = [reply.text.index(word) for word in stop if word and word in reply.text]
    if ends:
        reply = replace(reply, text=reply.text[: min(ends)])
    pieces = tokens.split(reply.text)
    if max_tokens is None or len(pieces) <= max_tokens:
        return reply
    return replace(reply, text="".join(pieces[:max_tokens]), finish_reason="length")


def variant(reply: Reply, index: int) -> Reply:
    """Return the reply of choice `index`: the first is the reply itself, the others have their number appended."""
    if index == 0 or not reply.text or reply.finish_reason is not None:
        return reply
    return replace(reply, text=f"{reply.text} (choice {index + 1})")
