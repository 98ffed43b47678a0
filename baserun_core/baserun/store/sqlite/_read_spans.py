"""Reading spans and calls."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from baserun.store.results import StoredCall, StoredError, StoredSpan, StoredUsage
from baserun.store.sqlite._convert import content, dollars, json_dict, json_list, milliseconds, time
from baserun.store.sqlite._sql import select_in

_BASE = (
    "t.trace, p.span, p.parent, p.kind, p.name, p.started_us, p.duration_us, p.status, p.error_type, p.error_status,"
    " c.error_message, c.error_body, c.metadata, c.input, c.output, p.is_call"
)
_CALL = (
    "p.provider, p.operation, p.request_model, p.response_model, p.response_id, p.request_id, p.stream, p.stream_end,"
    " p.retries, c.parameters, c.tool_calls, p.finish_reasons, p.cost_nano, p.time_to_first_token_us, p.end_user"
)
_USAGE = "p.input_tokens, p.output_tokens, p.cached_input_tokens, p.cache_write_tokens, p.reasoning_tokens"
_QUERY = (
    f"SELECT p.trace_id, {_BASE}, {_CALL}, {_USAGE} FROM spans p JOIN traces t ON t.id = p.trace_id"
    " LEFT JOIN contents c ON c.id = p.id WHERE p.trace_id IN ({}) ORDER BY p.started_us, p.id"
)


def spans_of_traces(connection: sqlite3.Connection, trace_ids: Iterable[int]) -> dict[int, list[StoredSpan]]:
    """Return the spans of each of these traces with their content, the earliest first."""
    found: dict[int, list[StoredSpan]] = {}
    for trace_id, *row in select_in(connection, _QUERY, trace_ids):
        found.setdefault(trace_id, []).append(_span(row))
    return found


def _span(row: Sequence[Any]) -> StoredSpan:
    (
        trace, span, parent, kind, name, started_us, duration_us, status, error_type, error_status,
        error_message, error_body, metadata, given, output, is_call, *call,
    ) = row  # fmt: skip
    base: dict[str, Any] = {
        "trace_id": trace.hex(),
        "id": span.hex(),
        "parent_id": None if parent is None else parent.hex(),
        "kind": kind,
        "name": name,
        "started_at": time(started_us),
        "duration_ms": milliseconds(duration_us),
        "status": status,
        "error": _error(error_type, error_status, error_message, error_body),
        "metadata": json_dict(metadata),
        "input": content(given),
        "output": content(output),
    }
    return StoredCall(**base, **_call(call)) if is_call else StoredSpan(**base)


def _error(kind: str | None, status_code: int | None, message: str | None, body: str | None) -> StoredError | None:
    if kind is None:
        return None
    return StoredError(type=kind, status_code=status_code, message=message, body=content(body))


def _call(row: Sequence[Any]) -> dict[str, Any]:
    (
        provider, operation, request_model, response_model, response_id, request_id, stream, stream_end,
        retries, parameters, tool_calls, finish_reasons, cost_nano, time_to_first_token_us, end_user, *usage,
    ) = row  # fmt: skip
    return {
        "provider": provider,
        "operation": operation,
        "request_model": request_model,
        "response_model": response_model,
        "response_id": response_id,
        "request_id": request_id,
        "stream": None if stream is None else bool(stream),
        "stream_end": stream_end,
        "retries": retries,
        "parameters": json_dict(parameters),
        "tool_calls": _objects(tool_calls),
        "finish_reasons": json_list(finish_reasons),
        "usage": _usage(usage),
        "cost_usd": dollars(cost_nano),
        "time_to_first_token_ms": milliseconds(time_to_first_token_us),
        "end_user": end_user,
    }


def _objects(text: str | None) -> list[dict[str, Any]] | None:
    """Return only the objects of a list: instrumentation of other clients may record tool calls in another shape."""
    found = json_list(text)
    return None if found is None else [each for each in found if isinstance(each, dict)]


def _usage(row: Sequence[int | None]) -> StoredUsage | None:
    if all(tokens is None for tokens in row):
        return None
    input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens = row
    return StoredUsage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_input_tokens=cached_input_tokens,
        cache_write_tokens=cache_write_tokens,
        reasoning_tokens=reasoning_tokens,
    )
