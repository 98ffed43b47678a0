"""The traces of a request: usually one, made on first access.

Where the session changes in the middle of a request (login, logout, `session.end()`, the end of a conversation's
block), what is recorded afterwards goes into another trace, and all of them end with the request. `current_trace()`
returns the previous trace, which the new one `follows`, until something is recorded in the new one.

    traces.trace                # the latest trace; made on first access
    traces.change_session(...)  # move the latest trace to another session, or leave it behind
    traces.leave()              # leave the latest trace behind: the next access makes another
    traces.finish(...)          # end all of them with the request
    traces.go_on()              # let later work of the application belong to the request too
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from baserun._context import current
from baserun._frame import Frame
from baserun._model import RUNNING, Session, Trace
from baserun._runtime import recorder
from baserun.web._policy import SessionPolicy

UNNAMED = "request"
"""The name of a trace until something is recorded in it."""


class HasTraces(Protocol):
    """A request, as its traces see it."""

    policy: SessionPolicy

    @property
    def session(self) -> Session: ...

    def _name_trace(self, trace: Trace) -> None:
        """Name `trace`: something is recorded in it for the first time."""


class RequestTraces(Frame, kw_only=True):
    """The traces of a request, and at the same time the frame in which the latest of them is current."""

    _request: HasTraces
    _started_us: int
    _start_ns: int
    left: tuple[Trace, ...] = ()
    """The traces from before each change of session."""
    latest: Trace | None = None
    """The trace that `trace` returns; None until it is made."""
    is_finished: bool = False
    """They have ended, or there was nothing to record."""
    _ended: Trace | None = None
    """The finished trace that later work of the application is recorded in."""

    @classmethod
    def of(cls, request: HasTraces) -> RequestTraces:
        """Make the traces of `request`, which begins now."""
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
        more.remote = True  # its row is stored already, with its end
        return more

    # Changing trace or session.

    def leave(self) -> None:
        """Leave the latest trace behind, to end with the request; what follows goes into another one."""
        clock = recorder().clock
        if self.latest is not None:
            self.latest.follows = None  # a connection's traces must not form an endless chain
            self.left = (*[trace for trace in self.left if trace.status is RUNNING], self.latest)
        self.latest = None
        self._started_us, self._start_ns = clock.now_us(), clock.monotonic_ns()

    def change_session(self, fresh: Session, *, moves_trace: bool) -> None:
        """Replace the session by `fresh` wherever it is current; the latest trace moves along if `moves_trace`."""
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
        """Return the traces in which something was recorded."""
        return [trace for trace in (*self.left, self.trace) if trace.at_touch is None]

    def finish(self, error: BaseException | None, status: str | None) -> None:
        """End all traces, as the request has ended."""
        for trace in (*self.left, self.trace):
            recorder().finish_trace(trace, error, status)

    def go_on(self) -> None:
        """Let what the application still does after the end of the request belong to it too."""
        if not self.is_finished:
            return
        if self.latest is None or self.latest.at_touch is not None:
            self.is_finished = False  # nothing was worth recording so far
        else:
            self._ended = self.latest
        self.latest = None


def is_annotated(trace: Trace) -> bool:
    """Whether the application has set metadata, tags or a result on the trace."""
    return bool(trace.metadata or trace.tags) or trace.result is not None
