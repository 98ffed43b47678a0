"""The traces of a request: one as a rule, and none where nothing asks for it.

Where the session changes in the middle (login, logout, `session.end()`, the end of a conversation's block), what was
done stays in the trace that was, and what comes is in another one; all of them end with the request. `current_trace()`
is the one that was, which the other `follows`, until something is recorded in that.

    traces.trace                # the one that is gone on with; made when it is asked for
    traces.change_session(...)  # it moves to the session that is in place now, or is left
    traces.leave()              # what comes is in another one
    traces.finish(...)          # the request has ended, and they with it
    traces.go_on()              # the application may have work left all the same
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from baserun._context import current
from baserun._frame import Frame
from baserun._model import Session, Trace
from baserun._runtime import recorder
from baserun.web._policy import SessionPolicy

UNNAMED = "request"
"""The name of a trace in which nothing is recorded yet."""


class HasTraces(Protocol):
    """A request, as its traces see it."""

    policy: SessionPolicy

    @property
    def session(self) -> Session: ...

    def _name_trace(self, trace: Trace) -> None:
        """Something is recorded in `trace` for the first time."""


class RequestTraces(Frame, kw_only=True):
    """The traces of a request, and in one the frame in which the latest is current, made when something asks for it."""

    _request: HasTraces
    _started_us: int
    _start_ns: int
    left: tuple[Trace, ...] = ()
    """What was done before the session changed."""
    latest: Trace | None = None
    """The trace that is gone on with; None until something asks for it."""
    is_finished: bool = False
    """They have ended, or have nothing to tell; what is left to do comes too late for them."""
    _ended: Trace | None = None
    """The trace whose row is written, while the application goes on after the end."""

    @classmethod
    def of(cls, request: HasTraces) -> RequestTraces:
        """The traces of `request`, which begins now."""
        clock = recorder().clock
        return cls(
            None,
            request.session,
            None,
            None,
            _request=request,
            _started_us=clock.now_us(),
            _start_ns=clock.monotonic_ns(),
        )

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def trace(self) -> Trace:
        if self.latest is None:
            with self._request.policy.lock:
                if self.latest is None:
                    self.latest = self._next() if self._ended is None else self._more_of(self._ended)
        return self.latest

    @trace.setter
    def trace(self, _: Trace | None) -> None:
        self.leave()

    def _next(self) -> Trace:
        trace = Trace(recorder().ids.trace(), self.session, UNNAMED, "request")
        trace.started_us, trace._start_ns = self._started_us, self._start_ns
        trace.at_touch = partial(self._request._name_trace, trace)
        trace.follows = self.left[-1] if self.left else None
        return trace

    def _more_of(self, ended: Trace) -> Trace:
        more = Trace(ended.id, ended.session, ended.name, ended.kind)
        more.muted, more.contentless = ended.muted, ended.contentless
        more.started_us, more._start_ns = self._started_us, self._start_ns
        more.remote = True  # its row is written, and ends as it did
        return more

    # Another one.

    def leave(self) -> None:
        """What was done stays in a trace that ends with the request; what comes is in another one."""
        clock = recorder().clock
        if self.latest is not None:
            self.left += (self.latest,)
        self.latest = None
        self._started_us, self._start_ns = clock.now_us(), clock.monotonic_ns()

    def change_session(self, fresh: Session, *, moves_trace: bool) -> None:
        """Put `fresh` in the place of the session wherever that is current; what was recorded moves along, or stays."""
        old, latest, place = self.session, self.latest, current()
        if latest is not None and latest.at_touch is None and not (moves_trace and latest.session is old):
            self.leave()
        self._exchange(self, old, fresh, moves_trace)
        while place is not None:
            self._exchange(place, old, fresh, moves_trace)
            place = place.parent

    def _exchange(self, place: Frame, old: Session | None, fresh: Session, moves_trace: bool) -> None:
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
            place.trace, place.span = self.trace, None

    # The end.

    def touched(self) -> list[Trace]:
        """Those in which something was recorded."""
        return [trace for trace in (*self.left, self.trace) if trace.at_touch is None]

    def finish(self, error: BaseException | None, status: str | None) -> None:
        """End all of them, as the request has ended."""
        for trace in (*self.left, self.trace):
            recorder().finish_trace(trace, error, status)

    def go_on(self) -> None:
        """The request has ended, and the application may have work left, which belongs to the request too."""
        if not self.is_finished:
            return
        if self.latest is None or self.latest.at_touch is not None:
            self.is_finished = False  # nothing was worth recording so far
        else:
            self._ended = self.latest
        self.latest = None


def is_annotated(trace: Trace) -> bool:
    """Whether something was said about a trace that nothing else has touched."""
    return bool(trace.metadata or trace.tags) or trace.result is not None
