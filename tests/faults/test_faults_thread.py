"""The writer's thread costs nothing while nothing happens; what kills it or keeps it from starting loses nothing."""

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

Make = Callable[[str], Any]
Messages = Callable[[], list[str]]
Until = Callable[[Callable[[], object]], None]


def _writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "baserun-writer"]


def _kill(thread: threading.Thread) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit))


def test_there_is_no_thread_before_the_first_record(path: Path) -> None:
    """To import and to configure starts nothing; a process may fork without it."""
    baserun.init(store=path)

    assert _writers() == []
    assert not path.parent.exists()


def test_an_idle_writer_sleeps(program: Make) -> None:
    """A thread that has nothing to write is not woken a single time."""
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
def test_a_thread_that_is_killed_asleep_loses_nothing(path: Path, messages: Messages, until: Until) -> None:
    """What wakes a thread that is to die is written by the one that follows it."""
    baserun.init(store=path, flush_interval=0.001)
    killed: list[threading.Thread] = []
    with baserun.with_session(session_identifier="s"):
        for number in range(20):
            baserun.log(f"{number:02}")
            until(lambda: baserun.flush(1))
            for thread in set(_writers()) - set(killed):
                _kill(thread)
                killed.append(thread)

    until(lambda: baserun.flush(1))

    assert len(killed) > 5
    assert messages() == [f"{number:02}" for number in range(20)]
    assert baserun.stats() == baserun.Stats(captured=22, stored=22, queued=0, dropped={}, queued_bytes=0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_is_killed_with_a_batch_in_hand_loses_nothing(
    path: Path, messages: Messages, until: Until
) -> None:
    """A batch whose thread dies while it is prepared is gone on with by the next, and each record is stored once."""
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

    until(lambda: baserun.flush(1))

    assert len(killed) == 10
    assert messages() == [f"{number:02}" for number in range(100)]
    assert baserun.stats() == baserun.Stats(captured=102, stored=102, queued=0, dropped={}, queued_bytes=0)


class Deadly:
    """What ends the thread that describes it."""

    def __call__(self, text: str, path: str) -> str:
        if text == "deadly":
            raise KeyboardInterrupt
        return text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_record_that_kills_its_thread_is_given_up(path: Path, messages: Messages, until: Until) -> None:
    """A redact function that raises what ends a thread costs its own record, not those beside it."""
    baserun.init(store=path, redact=Deadly())
    with baserun.with_session(session_identifier="s"):
        for text in ("before", "deadly", "after"):
            baserun.log(text)

    until(lambda: not baserun.stats().queued)

    assert messages() == ["after", "before"]
    assert baserun.stats().dropped == {"unreadable": 1}
    assert baserun.stats().closed


class Answer:
    """Of a call, what there is to say about it; that one of them is `deadly` ends the thread that asks."""

    def __init__(self, text: str) -> None:
        self._text = text

    def describe(self) -> CallDetails:
        if self._text == "deadly":
            raise KeyboardInterrupt
        return CallDetails(output=self._text)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_that_kills_its_thread_is_given_up(path: Path, until: Until) -> None:
    """Calls are read some ahead of their rows; one that ends the thread costs its own record, not those beside it."""
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        for text in ("before", "deadly", "after", "deadly", "last"):
            span = start_call(text)
            assert span is not None
            finish_call(span, Answer(text), 100)

    until(lambda: not baserun.stats().queued)

    store = baserun.open_store(path)
    found = [store.trace(each.id) for each in store.traces()]
    outputs = {span["output"] for trace in found if trace is not None for span in trace.to_dict()["spans"]}
    assert outputs == {"before", "after", "last"}
    assert baserun.stats().dropped == {"unreadable": 2}
    assert baserun.stats().closed


def test_without_threads_flush_and_exit_write(program: Make, messages: Messages) -> None:
    """Where the system refuses a thread the application goes on; flush and the exit write what is queued."""
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
    """When the system has threads again, records are written without a flush."""
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


def test_a_stopped_process_goes_on_where_it_was(program: Make, messages: Messages, until: Until) -> None:
    """SIGSTOP and SIGCONT, as of a container that is paused, lose nothing."""
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


def test_who_stops_waiting_takes_nobody_elses_alarm(until: Until) -> None:
    """Where a thread has followed another on a queue, the end of the first one's wait leaves the second's as it is."""
    queue = RecordQueue(1_000)
    second = threading.Thread(target=queue.wait, args=(lambda: False,))
    second.start()
    until(lambda: queue._bells)

    queue.wait(lambda: True)
    queue.put("record", 1)
    second.join(60)

    assert not second.is_alive()
