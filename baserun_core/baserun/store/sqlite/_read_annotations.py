"""Reading annotations as results."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from baserun.store.results import StoredAnnotation
from baserun.store.sqlite._convert import content, json_dict, time
from baserun.store.sqlite._sql import select_in

_COLUMNS = (
    "a.trace_id, a.identifier, coalesce(s.identifier, a.wanted_session), coalesce(t.trace, a.wanted_trace),"
    " coalesce(p.span, a.wanted_span), a.type, a.name, a.score, a.created_us, c.value, c.comment, c.metadata"
)
_FROM = (
    "FROM annotations a LEFT JOIN traces t ON t.id = a.trace_id"
    " LEFT JOIN sessions s ON s.id = coalesce(a.session_id, t.session_id)"
    " LEFT JOIN spans p ON p.id = a.span_id LEFT JOIN annotation_contents c ON c.id = a.id"
)


def annotations_of_session(connection: sqlite3.Connection, session_id: int) -> list[StoredAnnotation]:
    """Return the annotations of the session itself, in the order of time."""
    query = f"SELECT {_COLUMNS} {_FROM} WHERE a.session_id = ? ORDER BY a.created_us, a.id"
    return [annotation_result(row) for row in connection.execute(query, (session_id,))]


def annotations_of_traces(
    connection: sqlite3.Connection, trace_ids: Iterable[int]
) -> dict[int, list[StoredAnnotation]]:
    """Return the annotations of each of these traces and their spans, in the order of time."""
    query = f"SELECT {_COLUMNS} {_FROM} WHERE a.trace_id IN ({{}}) ORDER BY a.created_us, a.id"
    found: dict[int, list[StoredAnnotation]] = {}
    for row in select_in(connection, query, trace_ids):
        found.setdefault(row[0], []).append(annotation_result(row))
    return found


def annotation_result(row: Any) -> StoredAnnotation:
    """Make a result from a row of the columns above."""
    return StoredAnnotation(
        id=row[1],
        session_id=row[2],
        trace_id=None if row[3] is None else row[3].hex(),
        span_id=None if row[4] is None else row[4].hex(),
        type=row[5],
        name=row[6],
        score=row[7],
        created_at=time(row[8]),
        value=content(row[9]),
        comment=row[10],
        metadata=json_dict(row[11]),
    )
