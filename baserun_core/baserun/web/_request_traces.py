"""The traces of a request: usually one, begun on first access.

Where the session changes in the middle of a request (login, logout, `session.end()`, the end of a conversation's
block), what is recorded afterwards goes into another trace, and all of them end with the request. On a websocket, that
of a conversation's block ends with the block. `current_trace()` returns the previous trace, which the new one
`follows`, until something is recorded in the new one.

    traces.latest or traces.begin()    # the trace that is current
    traces.leave()                     # leave the latest trace behind: the next access begins another
    traces.finish(...)                 # end all of them with the request
    traces.go_on()                     # let later work of the application belong to the request too
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

import msgspec

from baserun._current import recorder
from baserun._model import RUNNING, Session, Trace
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


class RequestTraces(msgspec.Struct, eq=False):
    """The latest trace of a request, and those from before each change of session.

    The first arguments are the request, and when it began.
    """

    _request: HasTraces
    _started_us: int
    _start_ns: int
    latest: Trace | None = None
    """The trace that is current in the request; None until it is begun."""
    left: tuple[Trace, ...] = ()
    """The traces that were left behind, in their order: the last one, and the others that have not ended."""
    is_finished: bool = False
    """They have ended, or there was nothing to record."""
    _ended: Trace | None = None
    """The finished trace that later work of the application is recorded in."""

    def begin(self) -> Trace:
        """Begin the latest trace, unless another thread has; return it."""
        with self._request.policy.lock:
            if self.latest is None:
                self.latest = self._next() if self._ended is None else self._more_of(self._ended)
                if self.is_finished and self._ended is None:
                    recorder().finish_trace(self.latest, None)  # what is recorded later gets traces of its own
            return self.latest

    def _next(self) -> Trace:
        trace = Trace(recorder().ids.trace(), self._request.session, UNNAMED, "request")
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

    def leave(self) -> None:
        """Leave the latest trace behind; what follows goes into another one."""
        clock = recorder().clock
        if self.latest is not None:
            self.latest.follows = None  # a connection's traces must not form an endless chain
            self.left = (*[trace for trace in self.left if trace.status is RUNNING], self.latest)
        self.latest = None
        if self._ended is not None:  # what follows is in another session, so it is not in the finished trace
            self._ended, self.is_finished = None, False
        self._started_us, self._start_ns = clock.now_us(), clock.monotonic_ns()

    # The end.

    def touched(self) -> list[Trace]:
        """Return the traces in which something was recorded."""
        return [trace for trace in self._all() if trace.at_touch is None]

    def finish(self, error: BaseException | None, status: str | None) -> None:
        """End all traces, as the request has ended."""
        for trace in self._all():
            recorder().finish_trace(trace, error, status)

    def _all(self) -> tuple[Trace, ...]:
        return (*self.left, self.latest or self.begin())

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
