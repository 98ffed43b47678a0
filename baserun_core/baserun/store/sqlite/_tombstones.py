"""Tombstones: they keep late rows from restoring erased sessions, traces and calls.

All rows of an erased session are dropped until the session is started again; after that, those from before the erasure.
Rows that reveal only now that they belong to an erased user are handled in `_late`. Only hashes are kept.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from baserun.store.rows import AnnotationRow, IdentifyUser, MoveTrace, OpenSession, Row, SpanRow, TraceRow
from baserun.store.sqlite._convert import now_us
from baserun.store.sqlite._draft import hash_response
from baserun.store.sqlite._sql import select_in

_KINDS = {AnnotationRow: "annotation", SpanRow: "span", TraceRow: "trace"}


def user_hash(identifier: str) -> bytes:
    """Return the hash by which a tombstone knows a user."""
    return sha256(b"user:" + identifier.encode()).digest()[:16]


def session_hash(identifier: str) -> bytes:
    """Return the hash by which a tombstone knows a session."""
    return sha256(b"session:" + identifier.encode()).digest()[:16]


def trace_hash(key: bytes) -> bytes:
    """Return the hash by which a tombstone knows a trace."""
    return sha256(b"trace:" + key).digest()[:16]


def response_hash(identifier: str) -> bytes:
    """Return the hash by which a tombstone knows a call: of the provider's id of its response."""
    return sha256(b"response:" + identifier.encode()).digest()[:16]


def bury(connection: sqlite3.Connection, hashes: Iterable[bytes], at_us: int) -> None:
    """Add tombstones for these hashes."""
    rows = [(each, at_us) for each in hashes]
    connection.executemany("INSERT OR REPLACE INTO tombstones (hash, erased_us) VALUES (?, ?)", rows)


def erased_at(connection: sqlite3.Connection, hashes: Iterable[bytes]) -> dict[bytes, int]:
    """Return the time of erasure of each of these hashes that has a tombstone."""
    query = "SELECT hash, erased_us FROM tombstones WHERE hash IN ({})"
    return dict(select_in(connection, query, hashes))


def are_none(connection: sqlite3.Connection) -> bool:
    """Whether nothing was ever erased."""
    return connection.execute("SELECT 1 FROM tombstones LIMIT 1").fetchone() is None


def living(connection: sqlite3.Connection, rows: Sequence[Row]) -> tuple[Sequence[Row], Counter[str]]:
    """Return the rows that belong to nothing erased, and the numbers of the others by kind."""
    late: Counter[str] = Counter()
    if are_none(connection):
        return rows, late
    places = [_place(row) for row in rows]
    responses = {response_hash(each) for row in rows if (each := _response_of(row)) is not None}
    graves = _graves(connection, responses.union(*(hashes for _, hashes in places)))
    kept: list[Row] = []
    for row, (at_us, hashes) in zip(rows, places, strict=True):
        if isinstance(row, OpenSession):
            _reopen(connection, graves, hashes, at_us)
        if any(_is_late(graves.get(each), at_us) for each in hashes) or _speaks_of_erased(connection, graves, row):
            late[_KINDS.get(type(row), "session")] += 1
            _bury_trace(connection, graves, row)
        else:
            kept.append(row)
    return kept, late


def _speaks_of_erased(connection: sqlite3.Connection, graves: dict[bytes, tuple[int, int | None]], row: Row) -> bool:
    """Whether an annotation is about nothing but an erased call; a self-hosted server may reuse the id of one."""
    if not isinstance(row, AnnotationRow) or row.completion_id is None or row.session_id or row.trace_id:
        return False
    return response_hash(row.completion_id) in graves and not _is_answered(connection, row.completion_id)


def _is_answered(connection: sqlite3.Connection, response_id: str) -> bool:
    query = "SELECT 1 FROM spans WHERE response_hash = ? AND response_id = ? LIMIT 1"
    return connection.execute(query, (hash_response(response_id), response_id)).fetchone() is not None


def _response_of(row: Row) -> str | None:
    if isinstance(row, AnnotationRow):
        return row.completion_id
    return row.call.response_id if isinstance(row, SpanRow) and row.call is not None else None


def _bury_trace(connection: sqlite3.Connection, graves: dict[bytes, tuple[int, int | None]], row: Row) -> None:
    """Add a tombstone for an unknown trace of an erased session: later rows may name only the trace, or a call."""
    trace = row.trace if isinstance(row, SpanRow) else row
    if not isinstance(trace, TraceRow):
        return
    keys, now = [trace_hash(bytes.fromhex(trace.id))], now_us()
    if (response := _response_of(row)) is not None:
        keys.append(response_hash(response))
    fresh = [key for key in keys if key not in graves]
    graves.update((key, (now, None)) for key in fresh)
    bury(connection, fresh, now)


def _graves(connection: sqlite3.Connection, hashes: set[bytes]) -> dict[bytes, tuple[int, int | None]]:
    query = "SELECT hash, erased_us, reopened_us FROM tombstones WHERE hash IN ({})"
    return {each: (erased_us, reopened_us) for each, erased_us, reopened_us in select_in(connection, query, hashes)}


def _reopen(
    connection: sqlite3.Connection, graves: dict[bytes, tuple[int, int | None]], hashes: list[bytes], at_us: int
) -> None:
    for each in hashes:
        erased_us, reopened_us = graves.get(each, (None, None))
        if erased_us is not None and reopened_us is None and at_us > erased_us:
            graves[each] = (erased_us, at_us)
            connection.execute("UPDATE tombstones SET reopened_us = ? WHERE hash = ?", (at_us, each))


def _is_late(grave: tuple[int, int | None] | None, at_us: int) -> bool:
    if grave is None:
        return False
    _, reopened_us = grave
    return reopened_us is None or at_us < reopened_us


def _place(row: Any) -> tuple[int, list[bytes]]:
    """Return the time of a row, and the hashes of what it belongs to."""
    if isinstance(row, SpanRow):
        row = row.trace
    if isinstance(row, TraceRow):
        return row.started_us, _hashes(row.session_id, row.id)
    if isinstance(row, AnnotationRow):
        return row.created_us, _hashes(row.session_id, row.trace_id)
    if isinstance(row, MoveTrace):
        return row.at_us, _hashes(row.session_id, row.trace_id)
    if isinstance(row, IdentifyUser):
        return row.at_us, _hashes(row.session_id, None)
    return row.at_us, _hashes(row.id, None)


def _hashes(session: str | None, trace: str | None) -> list[bytes]:
    found = [] if session is None else [session_hash(session)]
    return found if trace is None else [*found, trace_hash(bytes.fromhex(trace))]
