"""Reading spans and calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from baserun.store.results import StoredCall, StoredError, StoredSpan, StoredUsage
from baserun.store.sqlite._convert import content, dollars, json_dict, json_list, milliseconds, time
from baserun.store.sqlite._sql import select_in

_BASE = (
    "t.trace, p.trace_id, p.span, p.parent, p.kind, p.name, p.started_us, p.duration_us, p.status, p.error_type,"
    " p.error_status, c.error_message, c.error_body, c.metadata, c.input, c.output, p.is_call"
)
_CALL = (
    "p.provider, p.operation, p.request_model, p.response_model, p.response_id, p.request_id, p.stream, p.stream_end,"
    " p.retries, c.parameters, c.tool_calls, p.finish_reasons, p.input_tokens, p.output_tokens, p.cached_input_tokens,"
    " p.cache_write_tokens, p.reasoning_tokens, p.cost_nano, p.time_to_first_token_us, p.end_user"
)
_QUERY = (
    f"SELECT {_BASE}, {_CALL} FROM spans p JOIN traces t ON t.id = p.trace_id LEFT JOIN contents c ON c.id = p.id"
    " WHERE p.trace_id IN ({}) ORDER BY p.started_us, p.id"
)
_BASE_WIDTH = 17


def spans_of_traces(connection: sqlite3.Connection, trace_ids: Iterable[int]) -> dict[int, list[StoredSpan]]:
    """Return the spans of each of these traces with their content, the earliest first."""
    found: dict[int, list[StoredSpan]] = {}
    for row in select_in(connection, _QUERY, trace_ids):
        found.setdefault(row[1], []).append(_span(row))
    return found


def _span(row: Any) -> StoredSpan:
    base: dict[str, Any] = {
        "trace_id": row[0].hex(),
        "id": row[2].hex(),
        "parent_id": None if row[3] is None else row[3].hex(),
        "kind": row[4],
        "name": row[5],
        "started_at": time(row[6]),
        "duration_ms": milliseconds(row[7]),
        "status": row[8],
        "error": _error(row),
        "metadata": json_dict(row[13]),
        "input": content(row[14]),
        "output": content(row[15]),
    }
    return StoredCall(**base, **_call(row[_BASE_WIDTH:])) if row[16] else StoredSpan(**base)


def _error(row: Any) -> StoredError | None:
    if row[9] is None:
        return None
    return StoredError(type=row[9], status_code=row[10], message=row[11], body=content(row[12]))


def _call(row: Any) -> dict[str, Any]:
    return {
        "provider": row[0],
        "operation": row[1],
        "request_model": row[2],
        "response_model": row[3],
        "response_id": row[4],
        "request_id": row[5],
        "stream": None if row[6] is None else bool(row[6]),
        "stream_end": row[7],
        "retries": row[8],
        "parameters": json_dict(row[9]),
        "tool_calls": _objects(row[10]),
        "finish_reasons": json_list(row[11]),
        "usage": _usage(row[12:17]),
        "cost_usd": dollars(row[17]),
        "time_to_first_token_ms": milliseconds(row[18]),
        "end_user": row[19],
    }


def _objects(text: str | None) -> list[dict[str, Any]] | None:
    """Return only the objects of a list: instrumentation of other clients may record tool calls in another shape."""
    found = json_list(text)
    return None if found is None else [each for each in found if isinstance(each, dict)]


def _usage(row: Any) -> StoredUsage | None:
    if all(value is None for value in row):
        return None
    return StoredUsage(
        input_tokens=row[0],
        output_tokens=row[1],
        cached_input_tokens=row[2],
        cache_write_tokens=row[3],
        reasoning_tokens=row[4],
    )
