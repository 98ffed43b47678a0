"""When the store does its maintenance, and that searches find everything without waiting for it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

import baserun
from baserun._upkeep import MOST_BYTES, MOST_RECORDS, PAUSE, Upkeep
from baserun.store.sqlite._lock import WriteLock
from waiting import eventually


def test_the_first_maintenance_is_due_at_once() -> None:
    """The first maintenance is due at the first write, for work that an earlier process left; before, none is."""
    upkeep = Upkeep(is_endless=False)
    assert (upkeep.is_due, upkeep.pause) == (False, None)

    upkeep.written(1, 1)

    assert (upkeep.is_due, upkeep.pause) == (True, 0.0)


def test_later_maintenance_is_due_after_a_pause() -> None:
    """After the first maintenance, the next is due within `PAUSE` of a write; without a write none is due."""
    upkeep = Upkeep(is_endless=False)
    upkeep.written(1, 1)
    upkeep.done()
    assert upkeep.pause is None

    upkeep.written(1, 1)

    assert not upkeep.is_due
    assert upkeep.pause is not None
    assert 0 < upkeep.pause <= PAUSE


def test_maintenance_of_many_records_is_due_at_once() -> None:
    """Maintenance is due at once after `MOST_RECORDS` records or `MOST_BYTES` bytes."""
    for records, size in ((MOST_RECORDS, 1), (1, MOST_BYTES)):
        upkeep = Upkeep(is_endless=False)
        upkeep.written(1, 1)
        upkeep.done()

        upkeep.written(records, size)

        assert upkeep.is_due


def test_an_idle_process_checks_for_old_records() -> None:
    """With `is_endless` the next maintenance is scheduled without any write."""
    upkeep = Upkeep(is_endless=True)

    upkeep.done()

    assert upkeep.pause is not None
    assert upkeep.pause > PAUSE


def test_maintenance_that_is_put_off_is_tried_again() -> None:
    """Maintenance that is put off is due again within `PAUSE`, without another write, and is still overdue."""
    upkeep = Upkeep(is_endless=False)
    upkeep.written(MOST_RECORDS, 1)

    upkeep.put_off()

    assert not upkeep.is_due
    assert upkeep.is_overdue
    assert upkeep.pause is not None
    assert 0 < upkeep.pause <= PAUSE


@pytest.mark.parametrize("calls", [1_500, 6_000])
def test_flushed_records_are_found_at_once(tmp_path: Path, calls: int) -> None:
    """A search right after a flush finds the first of many spans, indexed or not."""
    path = tmp_path / "store.sqlite3"
    baserun.init(store=path, instrument="none")
    with baserun.with_session(), baserun.start_trace("many"):
        for number in range(calls):
            with baserun.span("answer") as span:
                span.result = "the needle" if number == 0 else "hay"

    assert baserun.flush(60)

    with closing(baserun.open_store(path)) as store:
        assert len(store.search("needle").items) == 1


def test_the_last_records_are_indexed_too(tmp_path: Path) -> None:
    """A record written after the first maintenance is indexed without another write."""
    path = tmp_path / "store.sqlite3"
    baserun.init(store=path, instrument="none")
    for number in (1, 2):
        with baserun.span("answer") as span:
            span.result = "a word"
        assert baserun.flush(60)

        _wait_until_indexed(path, number)


def test_the_last_records_are_indexed_although_the_store_was_locked(tmp_path: Path) -> None:
    """Indexing that finds the store locked is tried again without another write."""
    path = tmp_path / "store.sqlite3"
    baserun.init(store=path, instrument="none")
    for number in (1, 2):
        with baserun.span("answer") as span:
            span.result = "a word"
        assert baserun.flush(60)
        if number == 1:
            _wait_until_indexed(path, 1)

    with WriteLock(str(path)).held():
        time.sleep(1.5 * PAUSE)

    _wait_until_indexed(path, 2)


def _wait_until_indexed(path: Path, number: int) -> None:
    eventually(lambda: _indexed(path) >= number)


def _indexed(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT value FROM counters WHERE name = 'search_watermark'").fetchone()
    return 0 if row is None else int(row[0])
