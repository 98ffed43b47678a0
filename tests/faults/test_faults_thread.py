"""The writer's thread: it sleeps while idle, and its death or failed start loses nothing."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import baserun
from baserun._queue import RecordQueue
from baserun.instrumentation import CallDetails, finish_call, start_call
from waiting import eventually

Make = Callable[[str], Any]
Messages = Callable[[], list[str]]


def _writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "baserun-writer"]


def _kill(thread: threading.Thread) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))


def test_there_is_no_thread_before_the_first_record(path: Path) -> None:
    """`init` starts no thread and makes no folder."""
    baserun.init(store=path)

    assert _writers() == []
    assert not path.parent.exists()


def test_an_idle_writer_sleeps(program: Make) -> None:
    """An idle writer's thread is never woken."""
    source = """
    baserun.init(store=path, flush_interval=0.001)
    baserun.log("something")
    assert baserun.flush(100)
    thread, = (each for each in threading.enumerate() if each.name == "baserun-writer")

    def switches():
        with open(f"/proc/self/task/{thread.native_id}/status") as file:
            return [int(line.split()[1]) for line in file if line.startswith("voluntary_ctxt_switches")]

    def is_settled():
        before = switches()
        time.sleep(0.1)
        return switches() == before

    until(is_settled)
    before = switches()
    time.sleep(1)
    assert switches() == before
    """

    outcome = program(source).run()

    assert outcome == (0, "", "")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_killed_asleep_loses_nothing(path: Path, messages: Messages) -> None:
    """A record that wakes a killed thread is written by the next thread."""
    baserun.init(store=path, flush_interval=0.001)
    killed: list[threading.Thread] = []
    with baserun.with_session(session_identifier="s"):
        for number in range(20):
            baserun.log(f"{number:02}")
            eventually(lambda: baserun.flush(1))
            for thread in set(_writers()) - set(killed):
                _kill(thread)
                killed.append(thread)

    eventually(lambda: baserun.flush(1))

    assert len(killed) > 5
    assert messages() == [f"{number:02}" for number in range(20)]
    assert baserun.stats() == baserun.Stats(captured=22, stored=22, queued=0, dropped={}, queued_bytes=0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_killed_with_a_batch_loses_nothing(path: Path, messages: Messages) -> None:
    """A batch whose thread dies while preparing it is continued by the next thread, and each record is stored once."""
    killed = []

    def redact(text: str, path: str) -> str:
        if text.endswith("5") and text not in killed:
            killed.append(text)
            _kill(threading.current_thread())
        return text

    baserun.init(store=path, redact=redact)
    with baserun.with_session(session_identifier="s"):
        for number in range(100):
            baserun.log(f"{number:02}")

    eventually(lambda: baserun.flush(1))

    assert len(killed) == 10
    assert messages() == [f"{number:02}" for number in range(100)]
    assert baserun.stats() == baserun.Stats(captured=102, stored=102, queued=0, dropped={}, queued_bytes=0)


class Deadly:
    """A redact function that ends its thread at the text ``deadly``."""

    def __call__(self, text: str, path: str) -> str:
        if text == "deadly":
            raise KeyboardInterrupt
        return text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_record_that_kills_its_thread_is_dropped(path: Path, messages: Messages) -> None:
    """A redact function that raises `KeyboardInterrupt` costs the record at hand, and no other."""
    baserun.init(store=path, redact=Deadly())
    with baserun.with_session(session_identifier="s"):
        for text in ("before", "deadly", "after"):
            baserun.log(text)

    eventually(lambda: not baserun.stats().queued)

    assert messages() == ["after", "before"]
    assert baserun.stats().dropped == {"unreadable": 1}
    assert baserun.stats().closed


class Answer:
    """The description of a call; ``deadly`` ends the thread that reads it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def describe(self) -> CallDetails:
        if self._text == "deadly":
            raise KeyboardInterrupt
        return CallDetails(output=self._text)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_that_kills_its_thread_is_dropped(path: Path) -> None:
    """A call whose details raise `KeyboardInterrupt` costs only its own record, although calls are read ahead."""
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        for text in ("before", "deadly", "after", "deadly", "last"):
            span = start_call(text)
            assert span is not None
            finish_call(span, Answer(text), 100)

    eventually(lambda: not baserun.stats().queued)

    store = baserun.open_store(path)
    found = [store.trace(each.id) for each in store.traces()]
    outputs = {span["output"] for trace in found if trace is not None for span in trace.to_dict()["spans"]}
    assert outputs == {"before", "after", "last"}
    assert baserun.stats().dropped == {"unreadable": 2}
    assert baserun.stats().closed


def test_without_threads_flush_and_exit_write(program: Make, messages: Messages) -> None:
    """When no thread can be started, `flush` and the exit write the queued records."""
    source = """
    threading.stack_size(1 << 46)  # more than there are addresses: no thread can start
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("flushed")
        assert closed().queued == 2
        assert baserun.flush(100)
        assert closed().stored == 2
        baserun.log("at exit")
    """

    status, out, err = program(source).run()

    assert (status, out) == (0, "")
    assert err.count("Baserun failed while starting the writer's thread") == 1
    assert messages() == ["at exit", "flushed"]


def test_a_thread_that_could_not_start_starts_later(program: Make, messages: Messages) -> None:
    """When threads can be started again, records are written without a flush."""
    source = """
    threading.stack_size(1 << 46)
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("early")
        threading.stack_size(0)
        def written():
            baserun.log("later")
            return baserun.stats().stored
        until(written)
    """

    status, out, _ = program(source).run()

    assert (status, out) == (0, "")
    assert {"early", "later"} == set(messages())


def test_a_stopped_and_continued_process_loses_nothing(program: Make, messages: Messages) -> None:
    """SIGSTOP and SIGCONT, as for a paused container, lose nothing."""
    source = """
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        for number in range(100):
            baserun.log("x")
            print(number, flush=True)
            time.sleep(0.001)
    assert baserun.flush(100)
    assert closed().stored == 102
    """
    process = program(source).start()
    for _ in range(10):
        process.stdout.readline()
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.02)
        process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=120)

    assert (process.returncode, err) == (0, "")
    assert messages() == ["x"] * 100


def test_the_end_of_one_wait_leaves_another_one() -> None:
    """When two threads wait on a queue, the end of one's wait does not keep the other from being woken."""
    queue = RecordQueue(1_000)
    second = threading.Thread(target=queue.wait, args=(lambda: False,))
    second.start()
    eventually(lambda: queue._bells)

    queue.wait(lambda: True)
    queue.put("record", 1)
    second.join(60)

    assert not second.is_alive()
