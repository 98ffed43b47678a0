"""What came back from the server, in the one form that every API family reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from baserun_openai._sse import Event
from baserun_openai._wire import decode_or_text, object_of


class Merged(msgspec.Struct, kw_only=True):
    """A stream of events, put together as the answer that it would have been without streaming."""

    answer: Any
    first_offset: int | None = None
    """Where in the body the first event ended that carried something for the person."""
    error: Any = None
    """What the server said of its own failure in the middle of the stream."""


class Answer(msgspec.Struct, kw_only=True):
    """A response's body with what its headers say of it."""

    body: bytes
    content_type: str
    size: int
    """Bytes that came, of which `body` may be only the first."""
    events: list[Event] | None = None
    """The events of a stream; None for a body that is one value."""
    merged: Merged | None = None
    other: Any = None
    """What a body is that should be an object and is none: the page of a proxy, the half of a cut one."""

    def merge(self, merge: Callable[[Iterable[Event]], Merged]) -> Any:
        """The answer of a stream, by what `merge` knows of its events."""
        self.merged = merge(self.events or ())
        return self.merged.answer

    def read(self, merge: Callable[[Iterable[Event]], Merged]) -> dict[str, Any]:
        """The answer as one object, streamed or not; an empty one if it is none."""
        if self.events is not None:
            return object_of(self.merge(merge))
        value = decode_or_text(self.body)
        if isinstance(value, dict):
            return value
        self.other = value
        return {}
