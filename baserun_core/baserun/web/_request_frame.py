"""The frame of a request, in which its session and the latest of its traces are current."""

from __future__ import annotations

from baserun._context import current
from baserun._current import recorder
from baserun._frame import Frame
from baserun._model import Session, Trace
from baserun.web._request_traces import RequestTraces


class RequestFrame(Frame, kw_only=True):
    """The outermost frame of a request. Its trace is begun on first access, since most requests need none."""

    traces: RequestTraces

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def trace(self) -> Trace:  # type: ignore[override]
        return self.traces.latest or self.traces.begin()

    def leave_trace(self, following: Trace | None) -> Trace:
        """Leave the trace behind; the request begins the one that follows."""
        self.traces.leave()
        return self.trace

    def change_session(self, fresh: Session, *, moves_trace: bool) -> None:
        """Replace the session by `fresh` wherever it is current; the latest trace moves along if `moves_trace`."""
        old, self.session = self.session, fresh
        if not _moved(self.trace, old, fresh, moves_trace):
            self.traces.leave()
        place = current()
        while place is not None:
            if place.session is old:
                place.session = fresh
                if place.trace is not None and not _moved(place.trace, old, fresh, moves_trace):
                    place.leave_trace(self.trace)
            place = place.parent


def _moved(trace: Trace, old: Session | None, fresh: Session, moves_trace: bool) -> bool:
    """Move a trace from session `old` to `fresh`, if nothing is recorded in it or if `moves_trace`; say if it was."""
    if trace.session is fresh:
        return True
    if trace.at_touch is not None:
        trace.session = fresh
        return True
    if moves_trace and trace.session is old:
        recorder().move_trace(trace, fresh)
        return True
    return False
