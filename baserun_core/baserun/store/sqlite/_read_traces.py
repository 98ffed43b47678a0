"""Reading traces."""

from __future__ import annotations

import sqlite3
from typing import Any

from baserun.store.results import StoredAnnotation, StoredError, StoredSpan, StoredTrace
from baserun.store.sqlite._convert import content, dollars, json_dict, milliseconds, now_us, status, time
from baserun.store.sqlite._read_annotations import annotations_of_traces
from baserun.store.sqlite._read_spans import spans_of_traces
from baserun.store.sqlite._rollups import known

TRACE_COLUMNS = (
    "t.id, t.trace, s.identifier, u.identifier, t.name, t.kind, t.environment, t.started_us, t.duration_us, t.status,"
    " t.last_us, t.error_type, x.error_message, x.result, t.metadata, t.tags, t.llm_calls, t.errors, t.input_tokens,"
    " t.input_known, t.output_tokens, t.output_known, t.cost_nano, t.cost_known, t.unpriced"
)
TRACE_JOINS = (
    "LEFT JOIN sessions s ON s.id = t.session_id LEFT JOIN users u ON u.id = t.user_id"
    " LEFT JOIN trace_contents x ON x.id = t.id"
)


def trace(connection: sqlite3.Connection, key: bytes) -> StoredTrace | None:
    """Return a trace with its spans and annotations; None if there is none."""
    return next(iter(_traces(connection, "t.trace = ?", key)), None)


def traces_of_session(connection: sqlite3.Connection, session_id: int) -> list[StoredTrace]:
    """Return the traces of a session with their spans and annotations, the earliest first."""
    return _traces(connection, "t.session_id = ?", session_id)


def trace_result(
    row: Any,
    now: int,
    spans: list[StoredSpan] | None = None,
    annotations: list[StoredAnnotation] | None = None,
) -> StoredTrace:
    """Make a result of a row of `TRACE_COLUMNS`."""
    return StoredTrace(
        id=row[1].hex(),
        session_id=row[2],
        user_identifier=row[3],
        name=row[4],
        kind=row[5],
        environment=row[6],
        started_at=time(row[7]),
        duration_ms=milliseconds(row[8]),
        status=status(row[9], row[10], now),
        error=None if row[11] is None else StoredError(type=row[11], message=row[12]),
        result=content(row[13]),
        metadata=json_dict(row[14]),
        tags=json_dict(row[15]) or {},
        llm_calls=row[16],
        errors=row[17],
        input_tokens=known(row[18], row[19]),
        output_tokens=known(row[20], row[21]),
        cost_usd=dollars(known(row[22], row[23])),
        unpriced_calls=row[24],
        spans=spans,
        annotations=annotations,
    )


def _traces(connection: sqlite3.Connection, where: str, value: Any) -> list[StoredTrace]:
    query = f"SELECT {TRACE_COLUMNS} FROM traces t {TRACE_JOINS} WHERE {where} ORDER BY t.started_us, t.id"
    rows = connection.execute(query, (value,)).fetchall()
    ids = [row[0] for row in rows]
    spans = spans_of_traces(connection, ids)
    annotations = annotations_of_traces(connection, ids)
    now = now_us()
    return [trace_result(row, now, spans.get(row[0], []), annotations.get(row[0], [])) for row in rows]
