"""Searching the calls that are not in the index yet, by the same rules as the index."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from baserun.store.sqlite._plain_text import COLUMNS, plain_text
from baserun.store.sqlite._search_index import watermark
from baserun.store.sqlite._search_query import match_expression

NEWEST_UNINDEXED = 5_000
"""Most unindexed calls that are searched one by one; a writer leaves fewer of them waiting."""

_NEWEST = (
    f"SELECT c.id, {COLUMNS} FROM contents c JOIN spans p ON p.id = c.id JOIN traces t ON t.id = p.trace_id"
    " WHERE c.id > ? AND c.id < ? AND (? IS NULL OR t.user_id = (SELECT id FROM users WHERE identifier = ?))"
    " ORDER BY c.id DESC LIMIT ?"
)


def said_lately(
    connection: sqlite3.Connection, text: str, user: str | None = None, before: int | None = None
) -> list[int]:
    """Return the calls that are not in the index yet and contain all words of `text`, the latest first.

    Args:
        user: Only calls of this user.
        before: Only calls with a smaller row id.
    """
    last = 2**62 if before is None else before
    rows = connection.execute(_NEWEST, (watermark(connection), last, user, user, NEWEST_UNINDEXED))
    # In ascending order: FTS5 starts a new segment whenever a row id is not above the last one.
    texts = sorted((span_id, plain_text(row)) for span_id, *row in rows)
    if not texts:
        return []
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(
            "CREATE VIRTUAL TABLE search USING fts5 (text, content = '', tokenize = 'unicode61 remove_diacritics 2')"
        )
        scratch.executemany("INSERT INTO search (rowid, text) VALUES (?, ?)", texts)
        hits = scratch.execute(
            "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC", (match_expression(text),)
        )
        return [span_id for (span_id,) in hits]
