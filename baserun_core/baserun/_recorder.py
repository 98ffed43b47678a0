"""Opens and closes sessions, traces and spans, emits the signals, and queues records.

Everything here runs on the application's threads: no I/O, no encoding, no calls into foreign objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baserun import signals
from baserun._calls import CallSource
from baserun._clock import Clock, Ids
from baserun._config import Config
from baserun._error_text import describe_error, withhold
from baserun._frame import Frame
from baserun._identity import STRENGTH_ADOPTED, STRENGTH_NONE
from baserun._model import BASE_SIZE, CANCELLED, ERROR, OK, RUNNING, Session, Span, Trace
from baserun._records import (
    AnnotationAdded,
    Record,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    TraceMoved,
    UserIdentified,
)
from baserun._values import NO_FACTS, snapshot, snapshot_facts


class Recorder:
    """Turns what happens in the application into records."""

    def __init__(self, config: Config, put: Callable[[Record, int], object], clock: Clock, ids: Ids) -> None:
        self.config = config
        self.clock = clock
        self.ids = ids
        self._put = put if config.enabled else _ignore
        self._emit = signals.emit if config.enabled else _ignore_signal
        self._now_us = clock.now_us
        self._monotonic_ns = clock.monotonic_ns

    # Sessions

    def open_session(self, session: Session, *, resumed: bool) -> None:
        """Record that `session` was started or resumed."""
        is_news = not session.was_opened
        session.was_opened = True
        session.recorded_by = self
        facts = session.metadata
        metadata, size = NO_FACTS if type(facts) is dict and not facts else snapshot_facts(facts)
        # Decided by now, so these are the values of the properties of the same names.
        user, strength = session._user_identifier, session._strength
        self._put(SessionOpened(session, self._now_us(), user, strength, metadata), BASE_SIZE + size)
        signal = signals.session_resumed if resumed else signals.session_started
        if is_news and signal.receivers:
            self._emit(signal, session)

    def open_touched_session(self, session: Session) -> None:
        """Record a session as opened at its first touch, or at the first since `init`."""
        is_resumed = session._is_resumed  # deciding may take time; another thread may have opened it meanwhile
        if session.recorded_by is not self:
            self.open_session(session, resumed=is_resumed)

    def end_session(self, session: Session | str) -> None:
        """Record that a session was ended, unless it was never opened."""
        if not isinstance(session, str) and not session.was_opened:
            return
        metadata, size = NO_FACTS if isinstance(session, str) else snapshot_facts(session.metadata)
        session_id = session if isinstance(session, str) else session.id
        self._put(SessionEnded(session_id, self._now_us(), metadata), BASE_SIZE + size)
        if signals.session_ended.receivers:
            self._emit(signals.session_ended, session)

    def update_session(self, session: Session) -> None:
        """Record the session's metadata as it is now, if there is any."""
        metadata, size = snapshot_facts(session.metadata) if session.was_opened else NO_FACTS
        if metadata:
            self._put(SessionUpdated(session.id, self._now_us(), metadata), BASE_SIZE + size)

    def identify(self, session: Session, user_identifier: str, strength: int) -> None:
        """Record the user of `session`, unless it already has one that is known as firmly."""
        if strength <= session.user_strength:
            return
        session._user_identifier = user_identifier
        session._strength = strength
        if session.was_opened:
            self._put(UserIdentified(session.id, self._now_us(), user_identifier, strength), BASE_SIZE)
        if signals.user_identified.receivers:
            self._emit(signals.user_identified, session)

    # Traces

    def start_trace(self, frame: Frame | None, name: str, kind: str, metadata: dict[str, Any] | None = None) -> Trace:
        """Begin a trace in the session of `frame`."""
        session = None if frame is None else frame.session
        muted = False if frame is None else frame.muted
        if session is not None and session.recorded_by is not self and not muted:
            self.open_touched_session(session)
        trace = Trace(
            self.ids.trace(),
            session,
            name,
            kind,
            {} if metadata is None else metadata,
            muted=muted,
            contentless=False if frame is None else frame.contentless,
            started_us=self._now_us(),
            _start_ns=self._monotonic_ns(),
        )
        if signals.trace_started.receivers and not muted:
            self._emit(signals.trace_started, trace)
        return trace

    def touch_trace(self, trace: Trace) -> None:
        """Open a trace that is recorded only if something is recorded in it: that is about to happen."""
        at_touch, trace.at_touch = trace.at_touch, None
        if at_touch is not None:
            at_touch()
        session = trace.session
        if session is not None and session.recorded_by is not self:
            self.open_touched_session(session)
        if signals.trace_started.receivers:
            self._emit(signals.trace_started, trace)

    def finish_trace(self, trace: Trace, error: BaseException | None, status: str | None = None) -> None:
        """End a trace, and queue it; a second call has no effect."""
        if trace.status is not RUNNING:
            return
        trace.duration_us = (self._monotonic_ns() - trace._start_ns) // 1000
        size = self._end_trace(trace, error, status)
        if size is None:
            return
        self._put(trace, size)
        if signals.trace_finished.receivers:
            self._emit(signals.trace_finished, trace)

    def _end_trace(self, trace: Trace, error: BaseException | None, status: str | None) -> int | None:
        """Set the status of a trace and copy its content; return its size, or None if it is not to be recorded."""
        if error is None:
            trace.status = status or OK
        else:
            trace.status, trace.error = _failure(error, status)
        if trace.muted or trace.remote or trace.at_touch is not None:
            return None
        result = None
        metadata, size = snapshot_facts(trace.metadata)
        tags, more = snapshot_facts(trace.tags)
        size += BASE_SIZE + more
        if trace.result is not None and not trace.contentless and self.config.capture_content:
            result, more = snapshot(trace.result)
            size += more
        trace.recorded = (metadata, tags, result)
        return size

    def move_trace(self, trace: Trace, session: Session) -> None:
        """Move a trace, with everything in it, to another session."""
        if session.recorded_by is not self and not trace.muted:
            self.open_touched_session(session)
        trace.session = session
        if not trace.muted:
            self._put(TraceMoved(trace, session, self._now_us()), BASE_SIZE)

    # Spans

    def start_span(self, frame: Frame | None, name: str, kind: str, metadata: dict[str, Any] | None = None) -> Span:
        """Begin a span in the trace of `frame`, or in a trace of its own if there is none."""
        trace = None if frame is None else frame.trace
        whole_trace = trace is None or trace.status is not RUNNING
        if trace is None or whole_trace:
            trace = self.start_trace(frame, name, kind)
        elif trace.at_touch is not None and not (frame is not None and frame.muted):
            self.touch_trace(trace)
        parent = None if whole_trace or frame is None else frame.span
        parent_id = trace.parent_span_id if parent is None else parent.id
        return Span(
            self.ids.span(),
            trace,
            parent_id,
            name,
            kind,
            {} if metadata is None else metadata,
            muted=False if frame is None else frame.muted,
            contentless=False if frame is None else frame.contentless,
            whole_trace=whole_trace,
            started_us=trace.started_us if whole_trace else self._now_us(),
            _start_ns=trace._start_ns if whole_trace else self._monotonic_ns(),
        )

    def finish_span(self, span: Span, error: BaseException | None) -> None:
        """End a span, and queue it; a second call has no effect."""
        if span.status is not RUNNING:
            return
        span.duration_us = (self._monotonic_ns() - span._start_ns) // 1000
        if error is None:
            span.status = OK
        else:
            span.status, span.error = _failure(error, None)
        size = 0 if span.muted else self._take_content(span)
        self._hand_on(span, size, error, None)

    def _hand_on(self, span: Span, size: int, error: BaseException | None, status: str | None) -> None:
        """Queue a finished span; one that is a whole trace ends the trace, and both are one record."""
        trace = span.trace
        ends_trace = span.whole_trace and trace.status is RUNNING
        if ends_trace:
            trace.duration_us = span.duration_us
            size += self._end_trace(trace, error, status) or 0
        if span.muted:
            return
        self._put(span, size)
        if ends_trace and signals.trace_finished.receivers:
            self._emit(signals.trace_finished, trace)

    def _take_content(self, span: Span) -> int:
        """Copy the metadata, input and result of a span; return their size."""
        given = result = None
        metadata, size = snapshot_facts(span.metadata)
        size += BASE_SIZE
        if not span.contentless and self.config.capture_content:
            if span.input is not None:
                given, more = snapshot(span.input)
                size += more
            if span.result is not None:
                result, more = snapshot(span.result)
                size += more
        span.recorded = (metadata, given, result)
        return size

    # Calls to models

    def start_call(self, frame: Frame | None, name: str, kind: str, end_user: str | None) -> Span:
        """Begin a call to a model in the session and trace of `frame`."""
        session = None if frame is None else frame.session
        if end_user is not None and session is not None and session.user_strength == STRENGTH_NONE:
            self.identify(session, end_user, STRENGTH_ADOPTED)
        span = self.start_span(frame, name, kind)
        if signals.llm_call_started.receivers:
            self._emit(signals.llm_call_started, span)
        return span

    def finish_call(self, span: Span, source: CallSource, size: int, status: str, error: BaseException | None) -> None:
        """End a call to a model, and queue it; its details are read from `source` later, on the writer's thread."""
        if span.status is not RUNNING:
            return
        span.duration_us = (self._monotonic_ns() - span._start_ns) // 1000
        span.status = status
        if error is not None:
            if span.contentless:
                withhold(error)  # a task may be awaited outside the block that it was begun in
            span.error = describe_error(error)
        span.source = source
        self._hand_on(span, BASE_SIZE + size, error, status)
        if signals.llm_call_finished.receivers:
            self._emit(signals.llm_call_finished, span)

    # Annotations

    def annotate(self, record: AnnotationAdded, size: int) -> None:
        """Queue an annotation of a session, trace or span."""
        self._put(record, BASE_SIZE + size)
        if signals.annotation_added.receivers:
            self._emit(signals.annotation_added, record)


def _ignore(record: Record, size: int) -> None:
    return None


def _ignore_signal(signal: Any, sender: Any) -> None:
    return None


def _failure(error: BaseException, status: str | None) -> tuple[str, tuple[str, str | None] | None]:
    if is_cancellation(error):
        return CANCELLED, None
    return status or ERROR, describe_error(error)


def is_cancellation(error: BaseException) -> bool:
    """Whether the work was cancelled from outside, which is no failure of it."""
    if isinstance(error, GeneratorExit):
        return True
    if isinstance(error, Exception):  # an application's own exception with such a name is an error
        return False
    # By name: neither asyncio nor trio may be imported just to ask.
    return any(kind.__name__ in ("CancelledError", "Cancelled") for kind in type(error).__mro__)
