"""The end of a process: queued records are written, whatever ends it and whoever still records; nothing is printed."""

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
"""For each ending a statement, the exit status (None: any), and a part of Python's message."""


@pytest.mark.parametrize("ending", ENDINGS)
def test_queued_records_are_written_at_the_end(program: Make, messages: Messages, ending: str) -> None:
    """When the interpreter ends in any regular way, all queued records are stored."""
    statement, status, said = ENDINGS[ending]

    returned, out, err = program(f"{QUEUED}    {statement}\n").run()

    assert (out, err == "") == ("", said == "")
    assert said in err
    assert "aserun" not in err
    assert returned == status or status is None
    assert messages() == ["queued"] * 100


@pytest.mark.parametrize("ending", ["os._exit(0)", "os.kill(os.getpid(), 15)", "os.kill(os.getpid(), 9)"])
def test_a_sudden_end_keeps_written_records(program: Make, messages: Messages, ending: str) -> None:
    """When the process is killed without exit handlers, records already written are kept."""
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
    """Records made in exit handlers that run before and after ours are stored."""
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
    """Baserun can be first used in an exit handler, when the interpreter starts no threads any more."""
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
    """Objects that record in their finaliser, even while modules are torn down, cause no output and no hang."""
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
    """Daemon threads that record while the interpreter ends neither keep it from ending nor cause output."""
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


def test_records_of_a_thread_that_outlives_main_are_stored(program: Make, messages: Messages) -> None:
    """Records of a non-daemon thread that outlives the main one are stored."""
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
    """When the store is locked by another, the process ends after its exit timeout."""
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
    """A second Ctrl-C ends the process without waiting for the exit timeout."""
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
    while process.poll() is None:  # until it has reached our exit handler
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.2)

    assert process.returncode != 0
