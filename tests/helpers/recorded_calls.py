"""Calls to models that no client makes: recorded as an integration records them."""

from __future__ import annotations

from typing import Any

from baserun.instrumentation import CallDetails, finish_call, start_call


class Described:
    """The source of a call's details."""

    def __init__(self, **details: Any) -> None:
        self._details = details

    def describe(self) -> CallDetails:
        """Return the details."""
        return CallDetails(**self._details)


def record_call(
    name: str = "chat", kind: str = "llm", *, status: str = "ok", raised: BaseException | None = None, **details: Any
) -> None:
    """Record a call that is over at once; nothing in a block in which nothing is recorded."""
    span = start_call(name, kind=kind)
    if span is not None:
        finish_call(span, Described(**details), 100, status=status, error=raised)


def record_prompt(prompt: str = "hello") -> None:
    """Record a call with a prompt and no other content, which is named after it."""
    record_call(f"chat {prompt}", provider="test", operation="chat", request_model="m", input_preview=prompt)
