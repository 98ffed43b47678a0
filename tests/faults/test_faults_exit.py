"""The end of a process: what is queued is written, whatever ends it and whoever still records; nothing is printed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

Make = Callable[[str], Any]
Messages = Callable[[], list[str]]

QUEUED = """
    baserun.init(store=path, flush_interval=60)
    with baserun.with_session(session_identifier="s"):
        for number in range(100):
            baserun.log("queued")
"""

ENDINGS = {
    "return": ("", 0, ""),
    "sys.exit": ("sys.exit(3)", 3, ""),
    "uncaught exception": ("raise ValueError('of the application')", 1, "of the application"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", None, "KeyboardInterrupt"),
    "SIGTERM with a handler": (
        "import signal; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); os.kill(os.getpid(), signal.SIGTERM)",
        0,
        "",
    ),
}
"""A statement, the exit status unless the system has its own, and what Python says."""


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_queued_is_written_at_the_end(program: Make, messages: Messages, ending: str) -> None:
    """However an interpreter ends by itself, everything that was recorded is stored."""
    statement, status, said = ENDINGS[ending]

    returned, out, err = program(f"{QUEUED}    {statement}\n").run()

    assert (out, err == "") == ("", said == "")
    assert said in err
    assert "aserun" not in err
    assert returned == status or status is None
    assert messages() == ["queued"] * 100


@pytest.mark.parametrize("ending", ["os._exit(0)", "os.kill(os.getpid(), 15)", "os.kill(os.getpid(), 9)"])
def test_a_sudden_end_loses_only_what_was_not_written_yet(program: Make, messages: Messages, ending: str) -> None:
    """Where nobody is asked, what waited for longer than the flush interval is stored all the same."""
    source = f"""
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("written")
    until(lambda: closed().stored == 3)
    {ending}
    """

    _, out, err = program(source).run()

    assert (out, err) == ("", "")
    assert messages() == ["written"]


def test_records_of_other_exit_handlers_are_stored(program: Make, messages: Messages) -> None:
    """Handlers that run before and after ours, and one that uses Baserun for the first time, are heard."""
    source = """
    import atexit
    def say(text):
        with baserun.with_session(session_identifier="s"):
            baserun.log(text)
    atexit.register(say, "registered before")
    baserun.init(store=path, flush_interval=60)
    atexit.register(say, "registered after")
    say("at once")
    """

    outcome = program(source).run(flags=("-X", "dev"))

    assert outcome == (0, "", "")
    assert messages() == ["at once", "registered after", "registered before"]


def test_first_use_in_an_exit_handler(program: Make, messages: Messages) -> None:
    """Baserun can be used for the first time when the interpreter is ending already and starts no threads any more."""
    source = """
    import atexit
    @atexit.register
    def late():
        baserun.init(store=path)
        with baserun.with_session(session_identifier="s"):
            baserun.log("late")
        assert closed().queued == 0
    """

    outcome = program(source).run(flags=("-X", "dev"))

    assert outcome == (0, "", "")
    assert messages() == ["late"]


def test_finalisers_may_record_until_the_very_end(program: Make, messages: Messages) -> None:
    """Objects that record when they are deleted, even while modules are torn down, print nothing and delay nothing."""
    source = """
    class Late:
        def __init__(self, session):
            self.session = session
            self.cycle = self
        def __del__(self, log=baserun.log, with_session=baserun.with_session):
            with with_session(session_identifier="deleted"):
                log("deleted")
    baserun.init(store=path, flush_interval=60)
    with baserun.with_session(session_identifier="s") as session:
        baserun.log("at once")
        late = Late(session)
        sys.late = Late(session)
        threading.late = Late(session)
    """

    outcome = program(source).run()

    assert outcome == (0, "", "")
    assert "at once" in messages()


def test_daemon_threads_that_record_to_the_end(program: Make, messages: Messages) -> None:
    """Threads that still record while the interpreter ends delay it by no more than the exit timeout."""
    source = """
    baserun.init(store=path, exit_timeout=2)
    def record():
        with baserun.with_session(session_identifier="s"):
            while True:
                baserun.log("daemon")
                time.sleep(0.0005)
    for _ in range(4):
        threading.Thread(target=record, daemon=True).start()
    until(lambda: baserun.stats().stored > 10)
    """

    outcome = program(source).run()

    assert outcome == (0, "", "")
    assert set(messages()) == {"daemon"}


def test_a_thread_that_outlives_main_is_waited_for_by_python_and_heard(program: Make, messages: Messages) -> None:
    """A thread that is no daemon goes on after the main one; what it records is stored."""
    source = """
    baserun.init(store=path, flush_interval=60)
    def work():
        threading.main_thread().join()
        with baserun.with_session(session_identifier="s"):
            baserun.log("outlived")
    threading.Thread(target=work).start()
    """

    outcome = program(source).run()

    assert outcome == (0, "", "")
    assert messages() == ["outlived"]


def test_an_exit_waits_for_a_locked_store_no_longer_than_it_may(program: Make) -> None:
    """Where another process holds the store, the end comes after the exit timeout and not after the other process."""
    source = """
    import atexit, fcntl
    began = []
    atexit.register(lambda: print(time.monotonic() - began[0]))
    baserun.init(store=path, exit_timeout=1)
    baserun.log("before")
    assert baserun.flush(100)
    other = os.open(f"{path}.lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    baserun.log("never written")
    atexit.register(lambda: began.append(time.monotonic()))
    """

    status, out, err = program(source).run()

    assert (status, err) == (0, "")
    assert 0.9 < float(out) < 30


def test_a_second_interrupt_ends_the_waiting(program: Make) -> None:
    """Whoever presses Ctrl-C twice has not to wait for the exit timeout."""
    source = """
    import fcntl
    baserun.init(store=path, exit_timeout=10_000)
    baserun.log("before")
    assert baserun.flush(100)
    other = os.open(f"{path}.lock", os.O_RDWR)
    fcntl.flock(other, fcntl.LOCK_EX)
    baserun.log("never written")
    import atexit
    atexit.register(print, "ending", flush=True)
    print("ready", flush=True)
    time.sleep(10_000)
    """
    process = program(source).start()

    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ending\n"
    while process.poll() is None:  # until it has come as far as our exit handler
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)

    assert process.returncode != 0
