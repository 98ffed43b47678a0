"""A session in which tests run one after the other, each as a trace; what the pytest plugin records with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baserun import signals
from baserun._context import leave, replace
from baserun._frame import Frame
from baserun._model import RUNNING, Session, Span, Trace
from baserun._records import AnnotationAdded
from baserun._runtime import flush, pin, recorder
from baserun.store import StoredCall, open_store

TEST = "test"
"""The kind of the traces."""


class Performance:
    """One test, or one attempt at it: its trace, and what was recorded while it ran, wherever that was."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.spans: list[Span] = []
        """Calls that began while it ran: in its own trace, in threads, and in requests with sessions of their own."""
        self.checks: list[AnnotationAdded] = []
        self._told = 0

    @property
    def failed_checks(self) -> list[AnnotationAdded]:
        """The checks that did not hold."""
        return [check for check in self.checks if check.score == 0]

    def new_failures(self) -> list[AnnotationAdded]:
        """The failed checks that were not asked for before."""
        failed = self.failed_checks
        fresh, self._told = failed[self._told :], len(failed)
        return fresh


class Stage:
    """Records into one store and one session, whatever the application configures for itself.

    It is opened once, in the context that tests are started from. Tasks that tests leave behind, such as the loop of a
    fixture with a longer life, go on in the test of the moment, since all of them share the frame of the stage.

    Args:
        store: Path or URL.
        session_id: The session of these tests.
        metadata: Facts about it.
    """

    def __init__(self, store: str, session_id: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self.store = store
        self.current: Performance | None = None
        self._reader = open_store(store, budget=None)
        self._session_id = session_id
        self._metadata = metadata
        self._frame: Frame | None = None
        self._outside: Frame | None = None

    def open(self) -> Session:
        """Begin to record."""
        pin({"store": self.store, "enabled": True})
        session = Session(self._session_id or recorder().ids.session(), metadata=dict(self._metadata or {}))
        self.session = session
        self._frame = Frame(None, session, None, None)
        self._outside = replace(self._frame)
        signals.llm_call_started.connect(self._call_started)
        signals.annotation_added.connect(self._annotated)
        return session

    def begin(self, name: str, metadata: dict[str, Any]) -> Performance:
        """Begin a test."""
        assert self._frame is not None
        self._frame.trace = None
        replace(self._frame)
        trace = recorder().start_trace(self._frame, name, TEST, metadata)
        self._frame.trace = trace
        self.current = Performance(trace)
        return self.current

    def finish(self, error: BaseException | None, tags: dict[str, Any]) -> None:
        """End the test of the moment, and have all of it stored before anybody hears of its end."""
        performance, self.current = self.current, None
        if performance is None or self._frame is None:
            return
        performance.trace.tags.update(tags)
        recorder().finish_trace(performance.trace, error)
        self._frame.trace = None
        flush()

    def close(self) -> None:
        """Record no more; from now on the application's own configuration stands."""
        if self._frame is None:
            return
        signals.llm_call_started.disconnect(self._call_started)
        signals.annotation_added.disconnect(self._annotated)
        if self.current is not None:
            self.finish(None, {})
        recorder().end_session(self.session)
        leave(self._frame)
        replace(self._outside)
        self._frame = None
        self._reader.close()
        pin({})

    def calls(self, performance: Performance) -> list[StoredCall]:
        """The finished calls of a test in the order in which they began, as the store has them now."""
        if not performance.spans:
            return []
        flush()
        traces = dict.fromkeys(span.trace.id for span in performance.spans)
        wanted = {(span.trace.id, span.id) for span in performance.spans if span.status is not RUNNING}
        return sorted(_spans(self._reader.trace, traces, wanted), key=lambda call: (call.started_at, call.id))

    def _call_started(self, span: Span, **_: Any) -> None:
        if self.current is not None:
            self.current.spans.append(span)

    def _annotated(self, record: AnnotationAdded, **_: Any) -> None:
        if self.current is not None and record.type == "check":
            self.current.checks.append(record)


def _spans(read: Callable[[str], Any], traces: Any, wanted: set[tuple[str, str]]) -> list[StoredCall]:
    found = [trace for trace_id in traces if (trace := read(trace_id)) is not None]
    return [
        span
        for trace in found
        for span in trace.spans or ()
        if isinstance(span, StoredCall) and (trace.id, span.id) in wanted
    ]
