"""Erasing a user physically: rows, content, index, roll-ups, annotations, and records that arrive later."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

from baserun.store.results import ErasureReceipt
from baserun.store.sqlite import _ledger, _search_index, _tombstones
from baserun.store.sqlite._connection import OVERWRITE_EVERYTHING, OVERWRITE_IN_PAGES, WriteConnection
from baserun.store.sqlite._convert import now_us, time
from baserun.store.sqlite._removal import remove_sessions, remove_traces
from baserun.store.sqlite._retention import give_space_back
from baserun.store.sqlite._sql import select_in

SESSIONS_A_STEP = 50
TRACES_A_STEP = 200
SPANS_A_STEP = 50_000

Key = TypeVar("Key", str, bytes)


def erase(writer: WriteConnection, identifier: str) -> ErasureReceipt:
    """Remove the user's sessions with everything in them, and the user's traces in other sessions.

    Erasing takes several transactions, so that others can write in between; after an interruption, call it again.
    Sessions and traces that begin after the first transaction are kept: otherwise it might never end for an active
    user.
    """
    erased_us = now_us()
    removed: Counter[str] = Counter()
    sessions, traces = _bury_user(writer, identifier, erased_us)
    while sessions or traces:
        with writer.transaction() as connection:
            connection.execute(OVERWRITE_EVERYTHING)
            if sessions:
                names = _still_of(connection, identifier, "sessions", "identifier", _some(sessions, SESSIONS_A_STEP))
                step = erase_sessions(connection, names, erased_us)
            else:
                keys = _still_of(connection, identifier, "traces", "trace", _some(traces, TRACES_A_STEP))
                step = erase_traces(connection, keys, erased_us)
            _ledger.add(connection, _ledger.ERASED, step)
        removed += step
    if _forget_end_user(writer, identifier) or removed:
        leave_nothing(writer)
    return ErasureReceipt(
        user_identifier=identifier,
        erased_at=time(erased_us),
        sessions=removed["session"],
        traces=removed["trace"],
        spans=removed["span"],
        annotations=removed["annotation"],
    )


def erase_sessions(connection: sqlite3.Connection, names: Sequence[str], erased_us: int) -> Counter[str]:
    """Remove these sessions, whether stored yet or not, and add tombstones for them."""
    ids = [row_id for (row_id,) in select_in(connection, "SELECT id FROM sessions WHERE identifier IN ({})", names)]
    traces = list(select_in(connection, "SELECT id, trace FROM traces WHERE session_id IN ({})", ids))
    _tombstones.bury(connection, [_tombstones.trace_hash(key) for _, key in traces], erased_us)
    _bury_responses(connection, [row_id for row_id, _ in traces], erased_us)
    _tombstones.bury(connection, [_tombstones.session_hash(name) for name in names], erased_us)
    removed = remove_sessions(connection, ids)
    for name in names:
        connection.execute("UPDATE sessions SET previous = NULL WHERE previous = ?", (name,))
        removed["annotation"] += _erase_waiting(connection, name)
    return +removed


def erase_traces(connection: sqlite3.Connection, keys: Sequence[bytes], erased_us: int) -> Counter[str]:
    """Remove these traces, whether stored yet or not, and add tombstones for them."""
    ids = [row_id for (row_id,) in select_in(connection, "SELECT id FROM traces WHERE trace IN ({})", keys)]
    _tombstones.bury(connection, [_tombstones.trace_hash(key) for key in keys], erased_us)
    _bury_responses(connection, ids, erased_us)
    return +remove_traces(connection, ids)


def _bury_responses(connection: sqlite3.Connection, trace_ids: Sequence[int], erased_us: int) -> None:
    """Add tombstones for the responses of these traces: later feedback may name a call by its response id alone."""
    query = "SELECT response_id FROM spans WHERE trace_id IN ({}) AND response_id IS NOT NULL"
    found = select_in(connection, query, trace_ids)
    _tombstones.bury(connection, [_tombstones.response_hash(each) for (each,) in found], erased_us)


def _bury_user(writer: WriteConnection, identifier: str, erased_us: int) -> tuple[list[str], list[bytes]]:
    """Add the user's tombstone; return the user's stored sessions, and the traces outside of these."""
    if not writer.exists():
        return [], []
    with writer.transaction() as connection:
        _tombstones.bury(connection, [_tombstones.user_hash(identifier)], erased_us)
        _forget_moves(connection, identifier, erased_us)
        user = {"user": _id_of(connection, identifier)}
        sessions = connection.execute("SELECT identifier FROM sessions WHERE user_id = :user", user).fetchall()
        traces = connection.execute(
            "SELECT trace FROM traces WHERE user_id = :user"
            " AND (session_id IS NULL OR session_id NOT IN (SELECT id FROM sessions WHERE user_id = :user))",
            user,
        ).fetchall()
    return [name for (name,) in sessions], [key for (key,) in traces]


def _id_of(connection: sqlite3.Connection, identifier: str) -> int | None:
    found = connection.execute("SELECT id FROM users WHERE identifier = ?", (identifier,)).fetchone()
    return None if found is None else int(found[0])


def _some(waiting: list[Key], most: int) -> list[Key]:
    taken = waiting[-most:]
    del waiting[-most:]
    return taken


def _still_of(connection: sqlite3.Connection, identifier: str, table: str, column: str, keys: list[Key]) -> list[Key]:
    """Return the keys of rows that are still the user's: some may be removed by now, or belong to another user."""
    user = _id_of(connection, identifier)
    rows = select_in(connection, f"SELECT {column}, user_id FROM {table} WHERE {column} IN ({{}})", keys)
    return [key for key, owner in rows if owner == user]


def _forget_end_user(writer: WriteConnection, identifier: str) -> bool:
    """Clear `end_user` in calls of other users that name this one; return whether there were any."""
    if not writer.exists():
        return False
    with writer.transaction() as connection:
        (last,) = connection.execute("SELECT coalesce(max(id), 0) FROM spans").fetchone()
    forgotten = 0
    for start in range(0, last, SPANS_A_STEP):
        with writer.transaction() as connection:
            connection.execute(OVERWRITE_EVERYTHING)
            forgotten += connection.execute(
                "UPDATE spans SET end_user = NULL WHERE id > ? AND id <= ? AND end_user = ?",
                (start, start + SPANS_A_STEP, identifier),
            ).rowcount
    return forgotten > 0


def _forget_moves(connection: sqlite3.Connection, identifier: str, erased_us: int) -> None:
    """Delete moves that wait for a trace to give it to the user, and add tombstones for these traces."""
    moves = connection.execute("SELECT trace FROM pending_moves WHERE user_identifier = ?", (identifier,))
    _tombstones.bury(connection, [_tombstones.trace_hash(key) for (key,) in moves], erased_us)
    connection.execute("DELETE FROM pending_moves WHERE user_identifier = ?", (identifier,))


def _erase_waiting(connection: sqlite3.Connection, session: str) -> int:
    """Delete annotations that wait for this session and have no trace; return their number.

    An annotation that is attached to a trace in another session belongs to that trace.
    """
    waiting = "SELECT id FROM annotations WHERE is_waiting AND trace_id IS NULL AND wanted_session = ?"
    connection.execute(f"DELETE FROM annotation_contents WHERE id IN ({waiting})", (session,))
    return connection.execute(f"DELETE FROM annotations WHERE id IN ({waiting})", (session,)).rowcount


def leave_nothing(writer: WriteConnection) -> None:
    """Remove the bytes of deleted rows from the file.

    Until then the search index only marks words as deleted, free pages keep their content, and the WAL has old pages.
    """
    is_unmerged = True
    while is_unmerged:
        with writer.transaction() as connection:
            is_unmerged = _search_index.merge_some(connection)
    give_space_back(writer)
    with writer.exclusive() as connection:
        connection.execute(OVERWRITE_IN_PAGES)
