"""Signals: which are sent, in which order, and that no receiver can harm the application."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from blinker import NamedSignal

import baserun
from baserun import signals
from baserun.instrumentation import start_call
from baserun.testing import Captured, capture
from recorded_calls import record_call


@contextlib.contextmanager
def hearing(signal: NamedSignal, receiver: Any) -> Iterator[None]:
    signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver)


@pytest.fixture(name="heard")
def _heard(captured: Captured) -> Iterator[list[tuple[str, Any]]]:
    """Collect the name and sender of every signal sent while a test runs."""
    heard: list[tuple[str, Any]] = []
    with contextlib.ExitStack() as stack:
        for signal in signals.ALL:

            def receive(sender: Any, *, name: str = signal.name, **_: Any) -> None:
                heard.append((name, sender))

            stack.enter_context(hearing(signal, receive))
        yield heard


def test_every_signal_in_its_order(heard: list[tuple[str, Any]]) -> None:
    """A session with a trace, a call, a log and a user sends each signal in order, with its object as sender."""
    with baserun.with_session() as session:
        with baserun.start_trace("trace") as trace:
            record_call()
            baserun.log("hello")
        session.identify("u")
    with baserun.with_session(session_identifier=session.id) as resumed:
        pass

    told = [(name, sender) for name, sender in heard if name not in ("llm-call-started", "llm-call-finished")]
    assert [name for name, _ in heard] == [
        "session-started",
        "trace-started",
        "llm-call-started",
        "llm-call-finished",
        "annotation-added",
        "trace-finished",
        "user-identified",
        "session-ended",
        "session-resumed",
        "session-ended",
    ]
    assert [sender for name, sender in told if name != "annotation-added"] == [
        session,
        trace,
        trace,
        session,
        session,
        resumed,
        resumed,
    ]


def test_sender_is_complete_when_its_end_is_sent(captured: Captured) -> None:
    """A receiver of `trace_finished` can read the status, duration and error of the trace."""
    seen: list[Any] = []

    def receive(trace: Any, **_: Any) -> None:
        seen.append((trace.name, trace.status, trace.duration_us, trace.error))

    with hearing(signals.trace_finished, receive), pytest.raises(ValueError, match="no"), baserun.start_trace("trace"):
        raise ValueError("no")

    assert seen == [("trace", "error", 0, ("ValueError", "no"))]


def test_end_by_id_sends_the_id(heard: list[tuple[str, Any]]) -> None:
    """When a session is ended by its id, the sender of the signal is the id."""
    baserun.end_session("chat")

    assert heard == [("session-ended", "chat")]


def test_receiver_of_one_sender(captured: Captured) -> None:
    """A receiver connected to one sender, as blinker offers it, is called for that one only."""
    seen: list[Any] = []

    def receive(sender: Any, **_: Any) -> None:
        seen.append(sender)

    with baserun.with_session(session_identifier="a") as session:
        signals.session_ended.connect(receive, sender=session)
        with baserun.with_session(session_identifier="b"):
            pass
    signals.session_ended.disconnect(receive, sender=session)

    assert seen == [session]


def test_failing_receiver_harms_nobody(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """The error of a receiver is logged once; the application and the other receivers continue."""
    seen: list[Any] = []

    def fail(sender: Any, **_: Any) -> None:
        raise ValueError("no")

    with (
        caplog.at_level(logging.WARNING, logger="baserun"),
        hearing(signals.trace_started, fail),
        hearing(signals.trace_started, lambda sender, **_: seen.append(sender)),
    ):
        for _ in range(2):
            with baserun.start_trace("trace"):
                pass

    assert len(seen) == 2
    assert len(captured.traces) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "Baserun failed while sending the signal trace-started; the application goes on (said once)"
    ]


def test_interrupt_in_a_receiver_passes(captured: Captured) -> None:
    """A `KeyboardInterrupt` in a receiver is not swallowed."""

    def interrupt(sender: Any, **_: Any) -> None:
        raise KeyboardInterrupt

    with hearing(signals.annotation_added, interrupt), pytest.raises(KeyboardInterrupt):
        baserun.log("hello")


def test_asynchronous_receiver_is_reported(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine function as receiver is logged as an error, without Python's warning that it was not awaited."""

    async def receive(sender: Any, **_: Any) -> None:
        await asyncio.sleep(0)

    with caplog.at_level(logging.WARNING, logger="baserun"), hearing(signals.annotation_added, receive):
        baserun.log("hello")

    (record,) = caplog.records
    assert record.exc_info is not None
    assert "is async; signals call plain functions" in str(record.exc_info[1])


def test_result_of_a_receiver_is_left_alone(captured: Captured) -> None:
    """The result of a receiver is not touched, even if it has `send` and `close` like a coroutine."""

    class Connection:
        closed = False

        def send(self) -> None: ...

        def close(self) -> None:
            self.closed = True

    connection = Connection()
    with hearing(signals.annotation_added, lambda sender, **_: connection):
        baserun.log("hello")

    assert connection.closed is False


def test_muted_signal_is_silent(captured: Captured) -> None:
    """A signal muted with blinker's `muted()` is not sent."""
    seen: list[Any] = []
    receiving = hearing(signals.annotation_added, lambda sender, **_: seen.append(sender))
    with receiving, signals.annotation_added.muted():
        baserun.log("hello")

    assert seen == []


def test_receiver_that_records(captured: Captured) -> None:
    """A receiver may record something itself."""

    def receive(span: Any, **_: Any) -> None:
        baserun.tag("called", span.name)

    with hearing(signals.llm_call_finished, receive), baserun.start_trace("trace"):
        record_call()

    assert [trace.tags for trace in captured.traces] == [{"called": "chat"}]


def test_receiver_that_listens_to_itself_comes_to_an_end(captured: Captured) -> None:
    """A receiver of annotations that annotates does not recurse without end."""

    def receive(note: Any, **_: Any) -> None:
        baserun.log("again")

    with hearing(signals.annotation_added, receive), baserun.with_session():
        baserun.log("hello")
        survived = True

    assert survived
    assert captured.stats.closed


def test_suppressed_work_sends_no_signals(heard: list[tuple[str, Any]]) -> None:
    """In a `suppress` block no signals are sent."""
    with baserun.suppress(), baserun.with_session("u"), baserun.start_trace("trace"):
        baserun.log("hello")
        start_call("chat")

    assert heard == []


def test_dropped_records_are_signalled() -> None:
    """`records_dropped` is sent with the reason and the number of dropped records."""
    seen: list[tuple[str, int]] = []
    with (
        hearing(signals.records_dropped, lambda reason, count: seen.append((reason, count))),
        capture(queue_bytes=2000) as captured,
    ):
        for _ in range(3):
            baserun.log("x" * 5000)
        baserun.log("small")
        captured.flush()

    assert seen == [("queue_full", 3)]


def test_nothing_is_called_without_receivers(captured: Captured) -> None:
    """Without receivers no function of `baserun.signals` is called."""
    called: list[str] = []

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename == signals.__file__:
            called.append(frame.f_code.co_name)

    sys.setprofile(watch)
    try:
        with baserun.with_session("u"), baserun.start_trace("trace"):
            record_call()
            baserun.log("hello")
        unheard = list(called)
        with hearing(signals.annotation_added, lambda sender, **_: None):
            baserun.log("hello")
    finally:
        sys.setprofile(None)

    assert unheard == []
    assert called == ["emit"]
