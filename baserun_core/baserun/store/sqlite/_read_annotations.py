"""Reading annotations as results."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from baserun.store.results import StoredAnnotation
from baserun.store.sqlite._convert import content, json_dict, time
from baserun.store.sqlite._sql import select_in

_COLUMNS = (
    "a.identifier, coalesce(s.identifier, a.wanted_session), coalesce(t.trace, a.wanted_trace),"
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
    return [_annotation(row) for row in connection.execute(query, (session_id,))]


def annotations_of_traces(
    connection: sqlite3.Connection, trace_ids: Iterable[int]
) -> dict[int, list[StoredAnnotation]]:
    """Return the annotations of each of these traces and their spans, in the order of time."""
    query = f"SELECT a.trace_id, {_COLUMNS} {_FROM} WHERE a.trace_id IN ({{}}) ORDER BY a.created_us, a.id"
    found: dict[int, list[StoredAnnotation]] = {}
    for trace_id, *row in select_in(connection, query, trace_ids):
        found.setdefault(trace_id, []).append(_annotation(row))
    return found


def _annotation(row: Sequence[Any]) -> StoredAnnotation:
    identifier, session, trace, span, kind, name, score, created_us, value, comment, metadata = row
    return StoredAnnotation(
        id=identifier,
        session_id=session,
        trace_id=None if trace is None else trace.hex(),
        span_id=None if span is None else span.hex(),
        type=kind,
        name=name,
        score=score,
        created_at=time(created_us),
        value=content(value),
        comment=comment,
        metadata=json_dict(metadata),
    )
