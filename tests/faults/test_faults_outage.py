"""Outages of the store: nobody waits, nothing that fits the queue is lost, and writing resumes by itself."""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import baserun
from baserun import signals
from waiting import eventually

Make = Callable[[str], Any]
Messages = Callable[[], list[str]]


@contextmanager
def _locked_by_us(path: Path) -> Iterator[None]:
    descriptor = os.open(f"{path}.lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _locked_by_sqlite(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def _replaced_by_a_folder(path: Path) -> Iterator[None]:
    path.rename(path.with_suffix(".aside"))
    while not path.is_dir():
        with suppress(FileExistsError):  # the writer was faster, and began a new store
            path.mkdir()
            break
        path.unlink(missing_ok=True)
    yield
    path.rmdir()
    path.with_suffix(".aside").rename(path)


@contextmanager
def _newer(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        connection.execute("PRAGMA user_version = 1000000")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # only the file itself is copied
    os.utime(path)
    path.rename(path.with_suffix(".other"))  # the version is checked when a file is opened
    path.write_bytes(path.with_suffix(".other").read_bytes())
    yield
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


OUTAGES: dict[str, Callable[[Path], Any]] = {
    "another writer has the lock": _locked_by_us,
    "another program has SQLite's lock": _locked_by_sqlite,
    "a folder is in its place": _replaced_by_a_folder,
    "a newer Baserun has written it": _newer,
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_nothing_is_lost_in_an_outage(path: Path, messages: Messages, outage: str) -> None:
    """Records made while the store cannot be written are stored when it can, without any call."""
    baserun.init(store=path)
    baserun.log("first")
    assert baserun.flush(60)
    with OUTAGES[outage](path):
        with baserun.with_session(session_identifier="s"):
            for _ in range(500):
                baserun.log("during")
        assert not baserun.flush(0.2)
        assert baserun.stats().queued == 502

    eventually(lambda: not baserun.stats().queued)

    assert baserun.stats() == baserun.Stats(captured=503, stored=503, queued=0, dropped={}, queued_bytes=0)
    assert messages() == ["during"] * 500


def test_a_store_that_is_replaced_while_it_is_opened_is_noticed(path: Path, messages: Messages, program: Make) -> None:
    """Records made after the store's file was moved away while it was opened do not go into the moved file."""
    source = """
    def replace(event, arguments):
        if event == "open" and str(arguments[0]).endswith("schema.sql"):
            os.rename(path, path + ".aside")
            os.mkdir(path)

    sys.addaudithook(replace)
    baserun.init(store=path)
    baserun.log("into the file that is moved")
    assert baserun.flush(100)
    with baserun.with_session(session_identifier="s"):
        for _ in range(20):
            baserun.log("after")
    assert not baserun.flush(1)
    os.rmdir(path)
    assert baserun.flush(100)
    closed()
    """

    status, _, err = program(source).run()

    assert status == 0, err
    assert messages() == ["after"] * 20


def test_an_outage_is_logged_at_its_beginning_and_end(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An outage is logged once when it begins and once when it ends, however many records and tries there are."""
    path.mkdir(parents=True)
    baserun.init(store=path / "baserun.sqlite3", flush_interval=0.001)
    path.rmdir()
    path.write_text("a file where the folder should be")
    for number in range(200):
        baserun.log(f"{number}")
        baserun.flush(0.001)
    path.unlink()

    assert baserun.flush(60)
    ours = [record for record in caplog.records if record.name == "baserun"]
    assert [record.levelno for record in ours] == [logging.ERROR, logging.WARNING]
    assert "cannot write its records" in ours[0].message
    assert str(path) in ours[0].message
    assert "writes its records again" in ours[1].message


def test_records_that_do_not_fit_are_dropped_and_counted(path: Path) -> None:
    """A full queue drops new records, sends `records_dropped`, and adds them to the store's ledger after the outage."""
    heard: list[tuple[str, int]] = []

    def hear(reason: str, count: int) -> None:
        heard.append((reason, count))

    baserun.init(store=path, queue_bytes=20_000)
    baserun.log("first")
    assert baserun.flush(60)
    with signals.records_dropped.connected_to(hear), _replaced_by_a_folder(path):
        for _ in range(10):
            baserun.log("x" * 4_000)
        stats = baserun.stats()
        assert 0 < stats.queued < 10
        assert stats.dropped == {"queue_full": 10 - stats.queued}
        assert stats.queued_bytes <= 20_000
        eventually(lambda: heard)
    assert baserun.flush(60)

    after = baserun.stats()
    assert after.closed
    assert (after.stored, after.dropped, after.queued) == (1 + stats.queued, stats.dropped, 0)
    assert sum(count for _, count in heard) == stats.dropped["queue_full"]
    with closing(baserun.open_store(path, budget=None)) as store:
        assert store.ledger()["dropped"] == stats.dropped
        assert store.verify() == []


def test_records_are_taken_without_waiting_for_a_locked_store(path: Path) -> None:
    """While another process holds the lock, a thousand records are queued without waiting for it."""
    baserun.init(store=path)
    baserun.log("first")
    assert baserun.flush(60)

    with _locked_by_us(path):
        for _ in range(1000):
            baserun.log("taken")
        assert baserun.stats().captured == 1001

    assert baserun.flush(60)
    assert baserun.stats().stored == 1001


def test_a_long_read_transaction_stops_no_writer(path: Path, messages: Messages) -> None:
    """A long read transaction keeps its view of the store, and the writer commits meanwhile."""
    baserun.init(store=path)
    with baserun.with_session(session_identifier="s"):
        baserun.log("before")
        assert baserun.flush(60)
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            before = reader.execute("SELECT count(*) FROM annotations").fetchone()
            for _ in range(50):
                baserun.log("meanwhile")
                assert baserun.flush(60)
            assert reader.execute("SELECT count(*) FROM annotations").fetchone() == before

    assert messages() == ["before"] + ["meanwhile"] * 50


def test_a_shutdown_in_an_outage_counts_dropped_records(path: Path, program: Make) -> None:
    """Records that cannot be written at a shutdown are dropped and counted, and the store can be used again."""
    source = """
    import warnings
    warnings.simplefilter("error")
    baserun.init(store=path)
    baserun.log("first")
    assert baserun.flush(100)
    from baserun import _current
    writer = _current.runtime().writer
    until(lambda: not writer._delivery.upkeep.is_due)  # which would begin a new store between the next two lines
    os.rename(path, path + ".aside")
    os.mkdir(path)
    for _ in range(5):
        baserun.log("lost")
    assert not baserun.shutdown(0.3)
    until(lambda: not writer.stats().queued)
    stats = writer.stats()
    assert (stats.captured, stats.stored, stats.dropped, stats.queued_bytes) == (6, 1, {"shutdown": 5}, 0)
    os.rmdir(path)
    os.rename(path + ".aside", path)
    baserun.log("again")
    assert baserun.flush(100)
    """

    status, out, err = program(source).run()

    assert (status, out) == (0, ""), err
    assert err.count("Baserun cannot write its records") == 1
