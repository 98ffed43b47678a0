"""The records that the recorder queues for the writer, beside finished `Trace` and `Span` objects."""

from __future__ import annotations

from typing import Any

import msgspec

from baserun._model import Session, Span, Trace


class SessionOpened(msgspec.Struct, gc=False):
    """A session was started or resumed."""

    session: Session
    at_us: int
    user_identifier: str | None
    user_strength: int
    metadata: Any


class SessionEnded(msgspec.Struct, gc=False):
    """A session was ended."""

    session_id: str
    at_us: int
    metadata: Any


class SessionUpdated(msgspec.Struct, gc=False):
    """A session's metadata was changed."""

    session_id: str
    at_us: int
    metadata: Any


class UserIdentified(msgspec.Struct, gc=False):
    """The user of a session became known, or more firmly known."""

    session_id: str
    at_us: int
    user_identifier: str
    user_strength: int


class TraceMoved(msgspec.Struct, gc=False):
    """A trace was moved to another session than it began in."""

    trace: Trace
    session: Session
    at_us: int


class AnnotationAdded(msgspec.Struct, gc=False):
    """A log, tag, check or feedback was recorded."""

    id: str
    at_us: int
    type: str
    name: str | None
    session_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    completion_id: str | None = None
    value: Any = None
    score: float | None = None
    comment: str | None = None
    metadata: Any = None


Record = Trace | Span | SessionOpened | SessionEnded | SessionUpdated | UserIdentified | TraceMoved | AnnotationAdded
