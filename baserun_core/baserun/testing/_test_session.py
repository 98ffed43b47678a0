"""A session in which tests run one after the other, each as a trace; the pytest plugin records with it."""

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


class RecordedTest:
    """One test, or one attempt at it: its trace, and what was recorded anywhere while it ran."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.spans: list[Span] = []
        """Calls that began while it ran: in its own trace, in threads, and in requests with sessions of their own."""
        self.checks: list[AnnotationAdded] = []
        self._told = 0

    @property
    def failed_checks(self) -> list[AnnotationAdded]:
        """The checks that failed."""
        return [check for check in self.checks if check.score == 0]

    def new_failures(self) -> list[AnnotationAdded]:
        """Return the failed checks that were not returned before."""
        failed = self.failed_checks
        fresh, self._told = failed[self._told :], len(failed)
        return fresh


class TestSession:
    """Records into one store and one session, whatever the application configures.

    It is opened once, in the context that tests are started from. Tasks that outlive a test, such as the event loop of
    a fixture with a wider scope, record into the test that is running, since all share one frame.

    Args:
        store: Path or URL.
        session_id: The id of the session; a new one if left out.
        metadata: The metadata of the session.
    """

    def __init__(self, store: str, session_id: str | None = None, metadata: dict[str, Any] | None = None) -> None:
        self.store = store
        self.current: RecordedTest | None = None
        self._reader = open_store(store, budget=None)
        self._session_id = session_id
        self._metadata = metadata
        self._frame: Frame | None = None
        self._outside: Frame | None = None

    def open(self) -> Session:
        """Begin to record, and return the session."""
        pin({"store": self.store, "enabled": True})
        session = Session(self._session_id or recorder().ids.session(), metadata=dict(self._metadata or {}))
        self.session = session
        self._frame = Frame(None, session, None, None)
        self._outside = replace(self._frame)
        signals.llm_call_started.connect(self._call_started)
        signals.annotation_added.connect(self._annotated)
        return session

    def begin(self, name: str, metadata: dict[str, Any]) -> RecordedTest:
        """Begin a test."""
        assert self._frame is not None
        self._frame.trace = None
        replace(self._frame)
        trace = recorder().start_trace(self._frame, name, TEST, metadata)
        self._frame.trace = trace
        self.current = RecordedTest(trace)
        return self.current

    def finish(self, error: BaseException | None, tags: dict[str, Any]) -> None:
        """End the running test, and wait until all of it is stored, before its end is reported."""
        test, self.current = self.current, None
        if test is None or self._frame is None:
            return
        test.trace.tags.update(tags)
        recorder().finish_trace(test.trace, error)
        self._frame.trace = None
        flush()

    def close(self) -> None:
        """Stop recording; from now on the application's own configuration applies."""
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

    def calls(self, test: RecordedTest) -> list[StoredCall]:
        """Return the finished calls of a test as stored now, in the order in which they began."""
        if not test.spans:
            return []
        flush()
        traces = dict.fromkeys(span.trace.id for span in test.spans)
        wanted = {(span.trace.id, span.id) for span in test.spans if span.status is not RUNNING}
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
