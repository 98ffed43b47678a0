"""The answer of the server, in the form that every API family reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from baserun_openai._sse import Event
from baserun_openai._wire import decode_or_text, object_of


class Merged(msgspec.Struct, kw_only=True):
    """The events of a stream, merged into the answer that would have come without streaming."""

    answer: Any
    first_offset: int | None = None
    """The offset in the body at which the first event with content ends."""
    error: Any = None
    """The error that the server reported in the middle of the stream."""


class Answer(msgspec.Struct, kw_only=True):
    """The body of a response and what its headers say about it."""

    body: bytes
    content_type: str
    size: int
    """Bytes that arrived; `body` may be only the first of them."""
    events: list[Event] | None = None
    """The events of a stream; None for a body that is one value."""
    merged: Merged | None = None
    other: Any = None
    """The value of a body that should be an object and is not, such as the page of a proxy or half an object."""

    def merge(self, merge: Callable[[Iterable[Event]], Merged]) -> Any:
        """Merge the events of a stream, and return the answer."""
        self.merged = merge(self.events or ())
        return self.merged.answer

    def read(self, merge: Callable[[Iterable[Event]], Merged]) -> dict[str, Any]:
        """Return the answer, streamed or not, as a dict; an empty one if it is not an object."""
        if self.events is not None:
            return object_of(self.merge(merge))
        value = decode_or_text(self.body)
        if isinstance(value, dict):
            return value
        self.other = value
        return {}
