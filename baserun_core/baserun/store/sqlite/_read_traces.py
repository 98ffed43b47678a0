"""Reading traces."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from baserun.store.results import StoredAnnotation, StoredError, StoredSpan, StoredTrace
from baserun.store.sqlite._convert import content, dollars, json_dict, milliseconds, now_us, status, time
from baserun.store.sqlite._read_annotations import annotations_of_traces
from baserun.store.sqlite._read_spans import spans_of_traces
from baserun.store.sqlite._rollups import known

TRACE_COLUMNS = (
    "t.trace, s.identifier, u.identifier, t.name, t.kind, t.environment, t.started_us, t.duration_us, t.status,"
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
    row: Sequence[Any],
    now: int,
    spans: list[StoredSpan] | None = None,
    annotations: list[StoredAnnotation] | None = None,
) -> StoredTrace:
    """Make a result of a row of `TRACE_COLUMNS`."""
    (
        key, session_id, user_identifier, name, kind, environment, started_us, duration_us, stored_status,
        last_us, error_type, error_message, result, metadata, tags, llm_calls, errors, input_tokens,
        input_known, output_tokens, output_known, cost_nano, cost_known, unpriced,
    ) = row  # fmt: skip
    return StoredTrace(
        id=key.hex(),
        session_id=session_id,
        user_identifier=user_identifier,
        name=name,
        kind=kind,
        environment=environment,
        started_at=time(started_us),
        duration_ms=milliseconds(duration_us),
        status=status(stored_status, last_us, now),
        error=None if error_type is None else StoredError(type=error_type, message=error_message),
        result=content(result),
        metadata=json_dict(metadata),
        tags=json_dict(tags) or {},
        llm_calls=llm_calls,
        errors=errors,
        input_tokens=known(input_tokens, input_known),
        output_tokens=known(output_tokens, output_known),
        cost_usd=dollars(known(cost_nano, cost_known)),
        unpriced_calls=unpriced,
        spans=spans,
        annotations=annotations,
    )


def _traces(connection: sqlite3.Connection, where: str, value: Any) -> list[StoredTrace]:
    query = f"SELECT t.id, {TRACE_COLUMNS} FROM traces t {TRACE_JOINS} WHERE {where} ORDER BY t.started_us, t.id"
    rows = {row_id: row for row_id, *row in connection.execute(query, (value,))}
    spans = spans_of_traces(connection, rows)
    annotations = annotations_of_traces(connection, rows)
    now = now_us()
    return [trace_result(row, now, spans.get(row_id, []), annotations.get(row_id, [])) for row_id, row in rows.items()]
