"""Erasing a user: rows, content, index, roll-ups and annotations, physically, and what is still on its way."""

from __future__ import annotations

import sqlite3
from collections import Counter

from baserun.store.results import ErasureReceipt
from baserun.store.sqlite import _ledger, _search_index, _tombstones
from baserun.store.sqlite._connection import WriteConnection
from baserun.store.sqlite._convert import now_us, time
from baserun.store.sqlite._removal import remove_sessions, remove_traces
from baserun.store.sqlite._retention import empty_log
from baserun.store.sqlite._sql import select_in

SESSIONS_A_STEP = 50
TRACES_A_STEP = 200


def erase(writer: WriteConnection, identifier: str) -> ErasureReceipt:
    """Remove the user's sessions with all that is in them, and their traces in other sessions.

    It takes several transactions, so that others can write meanwhile; interrupted, it can be asked for again.
    """
    erased_us = now_us()
    removed: Counter[str] = Counter()
    while writer.exists():
        with writer.transaction() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            step = _step(connection, identifier, erased_us)
            _ledger.add(connection, _ledger.ERASED, step)
        if not step:
            break
        removed += step
    if removed:
        _leave_nothing(writer)
    return ErasureReceipt(
        user_identifier=identifier,
        erased_at=time(erased_us),
        sessions=removed["session"],
        traces=removed["trace"],
        spans=removed["span"],
        annotations=removed["annotation"],
    )


def _step(connection: sqlite3.Connection, identifier: str, erased_us: int) -> Counter[str]:
    connection.execute("DELETE FROM pending_moves WHERE user_identifier = ?", (identifier,))
    user = connection.execute("SELECT id FROM users WHERE identifier = ?", (identifier,)).fetchone()
    if user is None:
        return Counter()
    sessions = connection.execute(
        "SELECT id, identifier FROM sessions WHERE user_id = ? LIMIT ?", (*user, SESSIONS_A_STEP)
    ).fetchall()
    if sessions:
        return _erase_sessions(connection, sessions, erased_us)
    traces = connection.execute(
        "SELECT id, trace FROM traces WHERE user_id = ? LIMIT ?", (*user, TRACES_A_STEP)
    ).fetchall()
    _tombstones.bury(connection, [_tombstones.trace_hash(key) for _, key in traces], erased_us)
    return +remove_traces(connection, [row_id for row_id, _ in traces])


def _erase_sessions(connection: sqlite3.Connection, sessions: list[tuple[int, str]], erased_us: int) -> Counter[str]:
    ids = [row_id for row_id, _ in sessions]
    keys = select_in(connection, "SELECT trace FROM traces WHERE session_id IN ({})", ids)
    _tombstones.bury(connection, [_tombstones.trace_hash(key) for (key,) in keys], erased_us)
    _tombstones.bury(connection, [_tombstones.session_hash(name) for _, name in sessions], erased_us)
    removed = remove_sessions(connection, ids)
    for _, name in sessions:
        connection.execute("UPDATE sessions SET previous = NULL WHERE previous = ?", (name,))
        removed["annotation"] += _erase_waiting(connection, name)
    return +removed


def _erase_waiting(connection: sqlite3.Connection, session: str) -> int:
    """Annotations of the session whose trace never came; those that have found theirs elsewhere belong to it."""
    waiting = "SELECT id FROM annotations WHERE is_waiting AND trace_id IS NULL AND wanted_session = ?"
    connection.execute(f"DELETE FROM annotation_contents WHERE id IN ({waiting})", (session,))
    return connection.execute(f"DELETE FROM annotations WHERE id IN ({waiting})", (session,)).rowcount


def _leave_nothing(writer: WriteConnection) -> None:
    """The index only marks words as removed until it is merged, and the log has the pages as they were."""
    is_unmerged = True
    while is_unmerged:
        with writer.transaction() as connection:
            is_unmerged = _search_index.merge_some(connection)
    empty_log(writer)
    with writer.exclusive() as connection:
        connection.execute("PRAGMA secure_delete = OFF")
