"""Removing sessions and traces with all that belongs to them, inside the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from baserun.store.sqlite import _recompute, _rollups, _search_index
from baserun.store.sqlite._hours import HOUR_US, Hours, latency_of, subtract_calls
from baserun.store.sqlite._sql import select_in

_TRACE_SUMS = ", ".join(_rollups.TRACE_COLUMNS)
_SUBTRACT = ", ".join(f"{column} = {column} - ?" for column in _rollups.COLUMNS)
_FEEDBACK = _rollups.COLUMNS[_rollups.FEEDBACK :]
_SUBTRACT_DIRECT = ", ".join(f"{column} = {column} - ?" for column in ("sessions", *_FEEDBACK))


def remove_sessions(connection: sqlite3.Connection, session_ids: Sequence[int]) -> Counter[str]:
    """Remove whole sessions, and subtract them from their users."""
    query = f"SELECT user_id, {', '.join(_rollups.DIRECT_COLUMNS)} FROM sessions WHERE id IN ({{}})"
    owners = list(select_in(connection, query, session_ids))
    traces = select_in(connection, "SELECT id FROM traces WHERE session_id IN ({})", session_ids)
    removed = remove_traces(connection, [each for (each,) in traces], are_sessions_going=True)
    for user_id, *direct in owners:
        connection.execute(f"UPDATE users SET {_SUBTRACT_DIRECT} WHERE id = ?", (1, *direct, user_id))
    removed["annotation"] += _remove_annotations_of(connection, "session_id", session_ids)
    _delete(connection, "session_texts", session_ids)
    removed["session"] = _delete(connection, "sessions", session_ids)
    for user_id in {user_id for user_id, *_ in owners} - {None}:
        _recompute.refresh_user(connection, user_id)
    return removed


def remove_traces(
    connection: sqlite3.Connection, trace_ids: Sequence[int], *, are_sessions_going: bool = False
) -> Counter[str]:
    """Remove traces, and subtract them from their sessions and users."""
    query = f"SELECT session_id, user_id, started_us, duration_us, 1, {_TRACE_SUMS} FROM traces WHERE id IN ({{}})"
    rows = list(select_in(connection, query, trace_ids))
    _subtract_hours(connection, trace_ids, rows)
    spans = [each for (each,) in select_in(connection, "SELECT id FROM spans WHERE trace_id IN ({})", trace_ids)]
    removed = Counter(span=len(spans))
    remove_contents(connection, spans)
    _raise_high_water(connection, spans)
    _delete(connection, "spans", spans)
    _forget_models(connection, trace_ids)
    _delete(connection, "trace_tags", trace_ids, column="trace_id")
    _delete(connection, "trace_contents", trace_ids)
    removed["annotation"] = _remove_annotations_of(connection, "trace_id", trace_ids)
    removed["trace"] = _delete(connection, "traces", trace_ids)
    users = _subtract(connection, "users", [(user_id, sums) for _, user_id, _, _, *sums in rows])
    if not are_sessions_going:
        sessions = _subtract(connection, "sessions", [(session_id, sums) for session_id, _, _, _, *sums in rows])
        users |= {each for (each,) in select_in(connection, "SELECT user_id FROM sessions WHERE id IN ({})", sessions)}
        for session_id in sessions:
            removed["session"] += _recompute.refresh_session(connection, session_id)
    for user_id in users - {None}:
        _recompute.refresh_user(connection, user_id)
    return removed


def remove_contents(connection: sqlite3.Connection, span_ids: Sequence[int]) -> int:
    """Remove the content of these spans, also from the search index."""
    _search_index.remove(connection, span_ids)
    return _delete(connection, "contents", span_ids)


def remove_annotations(connection: sqlite3.Connection, annotation_ids: Sequence[int]) -> int:
    """Remove these annotations; roll-ups are left to the caller."""
    _delete(connection, "annotation_contents", annotation_ids)
    return _delete(connection, "annotations", annotation_ids)


def _subtract(connection: sqlite3.Connection, table: str, parts: Iterable[tuple[int | None, list[int]]]) -> set[int]:
    """Subtract from the roll-ups of `table` what each of its rows loses; return the ids of these rows."""
    totals: dict[int, list[int]] = {}
    for row_id, sums in parts:
        if row_id is not None:
            _rollups.add(totals.setdefault(row_id, _rollups.none()), sums)
    rows = [(*sums, row_id) for row_id, sums in totals.items()]
    connection.executemany(f"UPDATE {table} SET {_SUBTRACT} WHERE id = ?", rows)
    return set(totals)


def _subtract_hours(connection: sqlite3.Connection, trace_ids: Sequence[int], rows: Iterable[Sequence[Any]]) -> None:
    hours = Hours()
    for _, user_id, started_us, duration_us, *sums in rows:
        hours.subtract(started_us // HOUR_US, user_id, sums, latency_of(duration_us, sums))
    subtract_calls(connection, hours, trace_ids)
    hours.write(connection)


def _forget_models(connection: sqlite3.Connection, trace_ids: Sequence[int]) -> None:
    models = connection.execute("SELECT id FROM models").fetchall()
    pairs = [(model, trace) for (model,) in models for trace in trace_ids]
    connection.executemany("DELETE FROM trace_models WHERE model_id = ? AND trace_id = ?", pairs)


def _remove_annotations_of(connection: sqlite3.Connection, column: str, row_ids: Sequence[int]) -> int:
    query = f"SELECT id FROM annotations WHERE {column} IN ({{}})"
    return remove_annotations(connection, [each for (each,) in select_in(connection, query, row_ids)])


def _raise_high_water(connection: sqlite3.Connection, span_ids: Sequence[int]) -> None:
    if span_ids:
        connection.execute(
            "INSERT INTO counters VALUES ('span_high_water', ?)"
            " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            (max(span_ids),),
        )


def _delete(connection: sqlite3.Connection, table: str, row_ids: Sequence[Any], *, column: str = "id") -> int:
    return connection.executemany(f"DELETE FROM {table} WHERE {column} = ?", [(each,) for each in row_ids]).rowcount
