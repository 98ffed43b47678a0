"""Searching the texts of calls."""

from __future__ import annotations

import re
import sqlite3

import msgspec

from baserun.store.results import Page, SearchHit
from baserun.store.sqlite import _checks, _cursor
from baserun.store.sqlite._convert import time
from baserun.store.sqlite._plain_text import COLUMNS, plain_text
from baserun.store.sqlite._search_index import watermark
from baserun.store.sqlite._search_newest import said_lately
from baserun.store.sqlite._search_query import match_expression, terms

SORT = _checks.Sort("stored", is_descending=True)
SNIPPET_CHARACTERS = 160

_HIT = (
    f"SELECT s.identifier, t.trace, p.span, u.identifier, p.started_us, {COLUMNS} FROM spans p"
    " JOIN contents c ON c.id = p.id JOIN traces t ON t.id = p.trace_id"
    " LEFT JOIN sessions s ON s.id = t.session_id LEFT JOIN users u ON u.id = t.user_id WHERE p.id = ?"
)


class Question(msgspec.Struct, frozen=True):
    """A search with checked arguments."""

    text: str
    user: str | None
    limit: int
    after: int | None


def question(text: object, user: object, limit: object, after: str | None) -> Question:
    """Check the arguments of a search."""
    return Question(
        text=_checks.text("text", text),
        user=None if user is None else _checks.text("user", user),
        limit=_checks.limit(limit),
        after=None if after is None else _cursor.parse(after, str(SORT)).row_id,
    )


def search(connection: sqlite3.Connection, asked: Question) -> Page[SearchHit]:
    """Return one page of hits, the latest stored first."""
    wanted = asked.limit + 1
    found = said_lately(connection, asked.text, asked.user, asked.after)[:wanted]
    if len(found) < wanted:
        found += _in_the_index(connection, asked, wanted - len(found))
    shown = found[: asked.limit]
    following = None
    if len(found) > asked.limit:
        following = str(_cursor.Cursor(str(SORT), 0, shown[-1]))
    words = terms(asked.text)
    return Page(items=[_hit(connection, span_id, words) for span_id in shown], next=following)


def _in_the_index(connection: sqlite3.Connection, asked: Question, wanted: int) -> list[int]:
    query = "SELECT search.rowid FROM search"
    condition, values = " WHERE search MATCH ?", [match_expression(asked.text)]
    if asked.user is not None:
        query += " JOIN spans p ON p.id = search.rowid JOIN traces t ON t.id = p.trace_id"
        condition += " AND t.user_id = (SELECT id FROM users WHERE identifier = ?)"
        values.append(asked.user)
    last = watermark(connection) + 1 if asked.after is None else asked.after
    rows = connection.execute(
        f"{query}{condition} AND search.rowid < ? ORDER BY search.rowid DESC LIMIT ?", (*values, last, wanted)
    )
    return [span_id for (span_id,) in rows]


def _hit(connection: sqlite3.Connection, span_id: int, words: list[str]) -> SearchHit:
    session, trace, span, user, started_us, *texts = connection.execute(_HIT, (span_id,)).fetchone()
    return SearchHit(
        session_id=session,
        trace_id=trace.hex(),
        span_id=span.hex(),
        user_identifier=user,
        started_at=time(started_us),
        snippet=_snippet(plain_text(texts), words),
    )


def _snippet(text: str, words: list[str]) -> str:
    """Return the piece of `text` around the first occurrence of one of the words."""
    found = (re.search(re.escape(word.rstrip("*")), text, re.IGNORECASE) for word in words)
    places = [match.start() for match in found if match]
    start = max(0, min(places, default=0) - SNIPPET_CHARACTERS // 3)
    piece = " ".join(text[start : start + SNIPPET_CHARACTERS].split())
    return f"{'…' if start else ''}{piece}{'…' if start + SNIPPET_CHARACTERS < len(text) else ''}"
