"""A session in which tests run one after the other, each as a trace; the pytest plugin records with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baserun import signals
from baserun._context import leave, replace
from baserun._current import is_capturing, outside, pin
from baserun._frame import Frame
from baserun._identity import STRENGTH_EXPLICIT
from baserun._model import CANCELLED, RUNNING, Session, Span, Trace
from baserun._records import AnnotationAdded
from baserun.store import StoredCall, open_store
from baserun.store._location import forget_memory

TEST = "test"
"""The kind of the traces."""
_PATIENCE = 10.0
"""Seconds to wait until records are stored."""


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


class TestFrame(Frame, kw_only=True):
    """The frame that tests run in; in a block of `capture` it has neither the session nor the trace of the test."""

    session_of_tests: Session
    trace_of_test: Trace | None = None

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def session(self) -> Session | None:  # type: ignore[override]
        return None if is_capturing() else self.session_of_tests

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def trace(self) -> Trace | None:  # type: ignore[override]
        return None if is_capturing() else self.trace_of_test


class TestSession:
    """Records into one store and one session, whatever the application configures.

    The session has no user, and gets none: a user of one test would be that of all others. Where a test names a user,
    it is in a session of that user, linked to this one.

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
        self._frame: TestFrame | None = None
        self._outside: Frame | None = None

    def open(self) -> Session:
        """Begin to record, and return the session."""
        pin({"store": self.store, "enabled": True})
        session = Session(
            self._session_id or outside().recorder.ids.session(),
            _strength=STRENGTH_EXPLICIT,
            metadata=dict(self._metadata or {}),
        )
        self.session = session
        self._frame = TestFrame(None, session, None, None, session_of_tests=session)
        self._outside = replace(self._frame)
        signals.llm_call_started.connect(self._call_started)
        signals.annotation_added.connect(self._annotated)
        return session

    def begin(self, name: str, metadata: dict[str, Any]) -> RecordedTest:
        """Begin a test."""
        assert self._frame is not None
        replace(self._frame)
        trace = outside().recorder.start_trace(Frame(None, self.session, None, None), name, TEST, metadata)
        self._frame.trace_of_test = trace
        self.current = RecordedTest(trace)
        return self.current

    def finish(self, error: BaseException | None, tags: dict[str, Any]) -> None:
        """End the running test, and wait until all of it is stored, before its end is reported."""
        self._finish(error, None, tags)

    def interrupt(self, tags: dict[str, Any]) -> None:
        """End the running test, which was interrupted."""
        self._finish(None, CANCELLED, tags)

    def _finish(self, error: BaseException | None, status: str | None, tags: dict[str, Any]) -> None:
        test, self.current = self.current, None
        if test is None or self._frame is None:
            return
        test.trace.tags.update(tags)
        outside().recorder.finish_trace(test.trace, error, status)
        self._frame.trace_of_test = None
        outside().writer.flush(_PATIENCE)

    def close(self) -> None:
        """Stop recording; from now on the application's own configuration applies."""
        if self._frame is None:
            return
        signals.llm_call_started.disconnect(self._call_started)
        signals.annotation_added.disconnect(self._annotated)
        outside().recorder.end_session(self.session)
        leave(self._frame)
        replace(self._outside)
        self._frame = None
        self._reader.close()
        pin({})
        forget_memory(self.store)

    def calls(self, test: RecordedTest) -> list[StoredCall]:
        """Return the finished calls of a test as stored now, in the order in which they began."""
        if not test.spans:
            return []
        outside().writer.flush(_PATIENCE)
        traces = dict.fromkeys(span.trace.id for span in test.spans)
        wanted = [(span.trace.id, span.id) for span in test.spans if span.status is not RUNNING]
        found = {(call.trace_id, call.id): call for call in _calls(self._reader.trace, traces)}
        return [found[key] for key in wanted if key in found]  # not by time, which a test may stop

    def _call_started(self, span: Span, **_: Any) -> None:
        if self.current is not None and not is_capturing():
            self.current.spans.append(span)

    def _annotated(self, record: AnnotationAdded, **_: Any) -> None:
        if self.current is not None and record.type == "check" and not is_capturing():
            self.current.checks.append(record)


def _calls(read: Callable[[str], Any], traces: Any) -> list[StoredCall]:
    found = [trace for trace_id in traces if (trace := read(trace_id)) is not None]
    return [span for trace in found for span in trace.spans or () if isinstance(span, StoredCall)]
