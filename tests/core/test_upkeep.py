"""When the store gets time for its own work, and that nobody has to wait for it to find what was said."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

import baserun
from baserun._upkeep import MOST_BYTES, MOST_RECORDS, PAUSE, Upkeep
from baserun.store.sqlite._lock import WriteLock


def test_the_first_time_is_at_once() -> None:
    """What an earlier process left is seen to when anything is written; before that there is nothing to wait for."""
    upkeep = Upkeep(is_endless=False)
    assert (upkeep.is_due, upkeep.pause) == (False, None)

    upkeep.written(1, 1)

    assert (upkeep.is_due, upkeep.pause) == (True, 0.0)


def test_a_busy_process_does_it_now_and_then() -> None:
    """After the first time what is written waits for a moment, and an idle process waits for nothing."""
    upkeep = Upkeep(is_endless=False)
    upkeep.written(1, 1)
    upkeep.done()
    assert upkeep.pause is None

    upkeep.written(1, 1)

    assert not upkeep.is_due
    assert upkeep.pause is not None
    assert 0 < upkeep.pause <= PAUSE


def test_much_does_not_wait() -> None:
    """More than a search should have to look through is seen to at once: many records, or big ones."""
    for records, size in ((MOST_RECORDS, 1), (1, MOST_BYTES)):
        upkeep = Upkeep(is_endless=False)
        upkeep.written(1, 1)
        upkeep.done()

        upkeep.written(records, size)

        assert upkeep.is_due


def test_what_grows_old_is_looked_for_without_writing() -> None:
    """Where records are not kept for ever an idle process looks now and then."""
    upkeep = Upkeep(is_endless=True)

    upkeep.done()

    assert upkeep.pause is not None
    assert upkeep.pause > PAUSE


def test_what_is_put_off_is_tried_again() -> None:
    """What could not be done waits for a moment, without another record, and is still as much as it was."""
    upkeep = Upkeep(is_endless=False)
    upkeep.written(MOST_RECORDS, 1)

    upkeep.put_off()

    assert not upkeep.is_due
    assert upkeep.is_overdue
    assert upkeep.pause is not None
    assert 0 < upkeep.pause <= PAUSE


@pytest.mark.parametrize("calls", [1_500, 6_000])
def test_what_is_flushed_is_found_at_once(tmp_path: Path, calls: int) -> None:
    """A search right after a flush finds the first of many calls, whatever of them is in the index."""
    path = tmp_path / "store.sqlite3"
    baserun.init(store=path, instrument="none")
    with baserun.with_session(), baserun.start_trace("many"):
        for number in range(calls):
            with baserun.span("answer") as span:
                span.result = "the needle" if number == 0 else "hay"

    assert baserun.flush(60)

    with closing(baserun.open_store(path)) as store:
        assert len(store.search("needle").items) == 1


def test_the_last_words_are_indexed_too(tmp_path: Path) -> None:
    """What is written after the first time comes into the index when a moment has passed, without another record."""
    path = tmp_path / "store.sqlite3"
    baserun.init(store=path, instrument="none")
    for number in (1, 2):
        with baserun.span("answer") as span:
            span.result = "a word"
        assert baserun.flush(60)

        _wait_until_indexed(path, number)


def test_the_last_words_are_indexed_although_another_process_was_writing(tmp_path: Path) -> None:
    """Whoever finds the store locked when it is time for the index tries again, without another record."""
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
    deadline = time.monotonic() + 30
    while _indexed(path) < number:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _indexed(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT value FROM counters WHERE name = 'search_watermark'").fetchone()
    return 0 if row is None else int(row[0])
