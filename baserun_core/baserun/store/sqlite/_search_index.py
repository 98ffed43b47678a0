"""Maintaining the full-text index: filled off the write path in bounded steps, and emptied together with contents."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from itertools import islice

from baserun.store.sqlite._plain_text import COLUMNS, VERSION, plain_text
from baserun.store.sqlite._sql import insert_rows, select_in

STEP_ROWS = 1_000
STEP_CHARACTERS = 2_000_000
STEP_SECONDS = 0.25
"""Seconds after which a step ends early; only reached if busy threads of the application leave it little CPU time."""
ROWS_AT_ONCE = 8
"""Contents that are read, and then inserted, before the time is looked at."""
SEGMENTS_TO_MERGE = 12
"""Segments of one level that are merged (FTS5 `automerge`): with fewer, each word is rewritten more often."""

_SET = "INSERT OR REPLACE INTO counters VALUES (?, ?)"


def watermark(connection: sqlite3.Connection) -> int:
    """Return the id of the last span whose content is in the index."""
    return _counter(connection, "search_watermark")


def index_some(connection: sqlite3.Connection) -> bool:
    """Index the next few contents; True when more may be waiting."""
    _begin_anew_if_changed(connection)
    deadline = time.monotonic() + STEP_SECONDS
    last = watermark(connection)
    looked_at = characters = 0
    query = f"SELECT id, {COLUMNS} FROM contents WHERE id > ? ORDER BY id LIMIT {STEP_ROWS}"
    waiting = connection.execute(query, (last,))
    while rows := list(islice(waiting, ROWS_AT_ONCE)):
        texts = [(row_id, text) for row_id, *row in rows if (text := plain_text(row))]
        insert_rows(connection, "INSERT INTO search (rowid, text) VALUES (?, ?)", texts)
        last = rows[-1][0]
        looked_at += len(rows)
        characters += sum(len(text) for _, text in texts)
        if characters >= STEP_CHARACTERS or time.monotonic() >= deadline:
            break
    if not looked_at:
        return False
    connection.execute(_SET, ("search_watermark", last))
    return looked_at == STEP_ROWS or characters >= STEP_CHARACTERS or time.monotonic() >= deadline


def remove(connection: sqlite3.Connection, span_ids: Iterable[int]) -> None:
    """Remove contents from the index; call it before they are deleted."""
    _begin_anew_if_changed(connection)
    last = watermark(connection)
    indexed = [each for each in span_ids if each <= last]
    rows = select_in(connection, f"SELECT id, {COLUMNS} FROM contents WHERE id IN ({{}})", indexed)
    texts = [(row_id, text) for row_id, *row in rows if (text := plain_text(row))]
    connection.executemany("INSERT INTO search (search, rowid, text) VALUES ('delete', ?, ?)", texts)


def merge_some(connection: sqlite3.Connection, pages: int = 500) -> bool:
    """Merge a part of the index, so that removed words are really gone; True when there is more to merge."""
    before = connection.total_changes
    connection.execute("INSERT INTO search (search, rank) VALUES ('merge', ?)", (-pages,))
    return connection.total_changes - before >= 2  # fewer changes: nothing was left to merge (FTS5 documentation)


def _begin_anew_if_changed(connection: sqlite3.Connection) -> None:
    if _counter(connection, "search_version") == VERSION:
        return
    connection.execute("INSERT INTO search (search) VALUES ('delete-all')")
    connection.execute("INSERT INTO search (search, rank) VALUES ('automerge', ?)", (SEGMENTS_TO_MERGE,))
    connection.executemany(_SET, [("search_version", VERSION), ("search_watermark", 0)])


def _counter(connection: sqlite3.Connection, name: str) -> int:
    row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
    return 0 if row is None else int(row[0])
