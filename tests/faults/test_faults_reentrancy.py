"""Application code that runs in the middle of ours may record, flush or fail, and nothing deadlocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[[str], Any]
Messages = Callable[[], list[str]]


def test_finalisers_that_record_anywhere(program: Make, messages: Messages) -> None:
    """Finalisers that record, on any thread and under any lock, neither block nor lose anything."""
    source = """
    import gc
    gc.set_threshold(1, 1, 1)
    count = 0
    class Found:
        def __init__(self):
            self.cycle = self
        def __del__(self):
            global count
            count += 1
            baserun.log("found")

    baserun.init(store=path, flush_interval=0.001, redact=lambda text, path: Found() and text)
    with baserun.with_session(session_identifier="s"):
        for number in range(300):
            Found()
            baserun.log("put")
            baserun.stats()
            if number % 50 == 0:
                assert baserun.flush(100)
        gc.set_threshold(0)
        gc.collect()
    assert count >= 300
    def is_calm():
        baserun.flush(100)
        return not baserun.stats().queued
    until(is_calm)
    assert not closed().dropped
    """

    outcome = program(source).run()

    assert outcome == (0, "", "")
    assert messages().count("put") == 300


def test_signal_handlers_that_record(program: Make, messages: Messages) -> None:
    """Signal handlers that interrupt us anywhere may record and flush, and each record is stored once."""
    source = """
    import signal
    baserun.init(store=path, flush_interval=0.001)
    with baserun.with_session(session_identifier="s"):
        handled = 0
        def handle(*_):
            global handled
            handled += 1
            baserun.log("handled")
            if handled % 100 == 0:
                baserun.flush(0.01)
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        put = 0
        while handled < 500:
            baserun.log("put")
            put += 1
            closed()
        signal.setitimer(signal.ITIMER_REAL, 0)
    assert baserun.flush(100)
    stats = closed()
    assert stats.captured == stats.stored == 2 + put + handled, (stats, put, handled)
    print(put, handled)
    """

    status, out, err = program(source).run()

    assert (status, err) == (0, "")
    put, handled = map(int, out.split())
    stored = messages()
    assert (stored.count("put"), stored.count("handled")) == (put, handled)


LOGGING = """
    import logging
    class Handler(logging.Handler):
        def emit(self, record):
            heard.append(record.getMessage())
            {what}
    heard = []
    logging.getLogger().addHandler(Handler())
    baserun.init(store=path)
    baserun.log("first")
    assert baserun.flush(100)
    from baserun import _current
    until(lambda: not _current.runtime().writer._delivery.upkeep.is_due)  # or it begins a new store before the folder
    os.rename(path, path + ".aside")
    os.mkdir(path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("during")
        until(lambda: any("cannot write" in text for text in heard))
    os.rmdir(path)
    os.rename(path + ".aside", path)
    until(lambda: baserun.flush(1))
    until(lambda: any("writes its records again" in text for text in heard))
    until(lambda: baserun.flush(1))
    assert closed().queued == 0
"""


@pytest.mark.parametrize("what", ["baserun.log('heard')", "baserun.flush(60)", "raise ValueError('a broken handler')"])
def test_log_handlers_that_record_flush_or_fail(program: Make, messages: Messages, what: str) -> None:
    """A log handler that records, flushes or raises during an outage does not keep the outage from ending."""
    status, out, err = program(LOGGING.format(what=what)).run()

    assert (status, out, err) == (0, "", "")
    assert messages() == ["during"]


BROKEN_HANDLER = """
    import logging
    class Broken(logging.Handler):
        def emit(self, record):
            raise ValueError("a broken handler")
    logging.getLogger().addHandler(Broken())
"""


def test_broken_log_handlers_keep_no_client_from_being_instrumented(program: Make, messages: Messages) -> None:
    """When a log handler raises as a problem in the environment is logged, clients are instrumented all the same."""
    pytest.importorskip("openai")
    source = (
        BROKEN_HANDLER
        + """
    import openai
    os.environ["BASERUN_TYPO"] = "1"
    before = openai._base_client.SyncAPIClient.request
    baserun.init(store=path)
    assert openai._base_client.SyncAPIClient.request is not before
    """
    )

    outcome = program(source).run()

    assert outcome == (0, "", "")


def test_broken_log_handlers_keep_no_store_from_being_reopened(program: Make, messages: Messages) -> None:
    """When a log handler raises as the removal of the store is logged, a new store is made all the same."""
    source = (
        BROKEN_HANDLER
        + """
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("before")
    assert baserun.flush(100)
    os.remove(path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("after")
    assert baserun.flush(20)
    """
    )

    outcome = program(source).run()

    assert outcome == (0, "", "")
    assert messages() == ["after"]


def test_receivers_that_record_flush_or_fail(program: Make, messages: Messages) -> None:
    """Receivers of `records_dropped`, which run while we write, may record, flush or fail."""
    source = """
    from baserun import signals
    told = []
    def record(reason, count):
        told.append(count)
        baserun.log("told")
    def flush(reason, count):
        assert not baserun.flush(60)
    def fail(reason, count):
        raise ValueError("of the application")
    for receiver in (record, flush, fail):
        signals.records_dropped.connect(receiver)
    baserun.init(store=path, queue_bytes=3000, flush_interval=0.2)
    with baserun.with_session(session_identifier="s"):
        for _ in range(20):
            baserun.log("x" * 500)
        until(lambda: told)
    until(lambda: baserun.flush(1))
    stats = closed()
    assert stats.dropped == {"queue_full": sum(told)}, (stats, told)
    """

    status, out, err = program(source).run()

    assert (status, out) == (0, "")
    assert err.count("ValueError: of the application") == 1
    assert "x" * 500 in messages()
