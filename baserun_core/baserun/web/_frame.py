"""The frame of a request, and the blocks in which it is current."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol

from baserun._context import replace
from baserun._frame import Frame
from baserun._model import Session, Trace
from baserun._runtime import recorder


class HasTrace(Protocol):
    """A request: its session at the start, and its trace, made when it is asked for."""

    @property
    def session(self) -> Session: ...

    @property
    def trace(self) -> Trace: ...

    def leave_trace(self) -> None:
        """What comes is in another trace."""


class RequestFrame(Frame, kw_only=True):
    """The frame of a request, whose trace is made when something asks for it, and another one when it is left."""

    _request: HasTrace

    @classmethod
    def of(cls, request: HasTrace) -> RequestFrame:
        """The frame of `request`."""
        return cls(None, request.session, None, None, _request=request)

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def trace(self) -> Trace | None:
        return self._request.trace

    @trace.setter
    def trace(self, _: Trace | None) -> None:
        self._request.leave_trace()


class Entered:
    """A block in which a frame is current; what was before is put back in the same context, by value."""

    __slots__ = ("_frame", "_previous")

    def __init__(self, frame: Frame | None) -> None:
        self._frame = frame

    def __enter__(self) -> None:
        self._previous = replace(self._frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        replace(self._previous)


def untouched() -> Entered:
    """A block in which nothing is current, for requests that are left alone."""
    return Entered(None)


def exchange(place: Frame, old: Session, fresh: Session, request: HasTrace, *, moves_trace: bool) -> None:
    """Put `fresh` in the place of `old`; what was recorded moves with it, or stays and gets no more."""
    if place.session is not old:
        return
    place.session, trace = fresh, place.trace
    if trace is None or trace.session is fresh:
        return
    if trace.at_touch is not None:
        trace.session = fresh
    elif moves_trace and trace.session is old:
        recorder().move_trace(trace, fresh)
    else:
        place.trace, place.span = request.trace, None


def is_annotated(trace: Trace) -> bool:
    """Whether something was said about a trace that nothing else has touched."""
    return bool(trace.metadata or trace.tags) or trace.result is not None
