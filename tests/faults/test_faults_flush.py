"""`flush` and `shutdown`: True means committed, from any thread and however often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import baserun

Messages = Callable[[], list[str]]


def test_many_threads_flush_at_once(path: Path, messages: Messages) -> None:
    """Each of many threads that record and flush at once finds its records in the store after `flush`."""
    baserun.init(store=path)
    missing = []

    def work(number: int) -> None:
        with baserun.with_session(session_identifier=f"s{number}"):
            for _ in range(20):
                baserun.log("x")
                assert baserun.flush(60)
        with closing(baserun.open_store(path, budget=None)) as store:
            session = store.session(f"s{number}")
            if session is None or len(session.annotations or []) != 20:
                missing.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert missing == []
    assert baserun.flush(60)
    assert messages() == ["x"] * 320
    assert baserun.stats().closed


def test_flush_without_waiting(path: Path) -> None:
    """`flush(0)` returns whether everything is committed, without waiting."""
    baserun.init(store=path, flush_interval=60)
    assert baserun.flush(0)
    baserun.log("x")

    assert not baserun.flush(0)
    assert baserun.flush(60)
    assert baserun.flush(0)


def test_use_after_shutdown(path: Path, messages: Messages) -> None:
    """Recording after a shutdown starts again with the same store."""
    baserun.init(store=path)
    for text in ("before", "after", "after that"):
        with baserun.with_session(session_identifier="s"):
            baserun.log(text)
        assert baserun.shutdown(60)
        assert baserun.stats().captured == 0

    assert messages() == ["after", "after that", "before"]


def test_a_second_init_moves_to_another_store(path: Path, tmp_path: Path, messages: Messages) -> None:
    """Records from before a second `init` are in the first store, later ones in the second, and none is lost."""
    other = tmp_path / "other.sqlite3"
    baserun.init(store=path, flush_interval=60)
    with baserun.with_session(session_identifier="s"):
        baserun.log("first")
        baserun.init(store=other)
        baserun.log("second")
    assert baserun.flush(60)

    with closing(baserun.open_store(other, budget=None)) as store:
        session = store.session("s")
        assert store.verify() == []
    assert messages() == ["first"]
    assert session is not None
    assert [note.value for note in session.annotations or []] == ["second"]
    assert [thread.name for thread in threading.enumerate()].count("baserun-writer") == 1


def test_shutdown_while_others_record(path: Path, messages: Messages) -> None:
    """Recording while Baserun is shut down and started again neither blocks nor breaks the ledger."""
    baserun.init(store=path, flush_interval=0.001)
    stop = threading.Event()
    put = []

    def work() -> None:
        with baserun.with_session(session_identifier="s"):
            while not stop.is_set():
                baserun.log("x")
                put.append(1)
                time.sleep(0.001)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        assert baserun.shutdown(60)
    stop.set()
    for thread in threads:
        thread.join()
    assert baserun.flush(60)

    assert 0 < len(messages()) <= len(put)
    assert baserun.stats().closed
