"""Exporting everything that is stored of one user."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import msgspec

from baserun.store.results import StoredSession
from baserun.store.sqlite import _read_sessions, _read_traces, _recompute
from baserun.store.sqlite._reader import Reader


def export(reader: Reader, identifier: str) -> Iterator[dict[str, Any]]:
    """Iterate over the user, their sessions with their own traces in them, and their traces elsewhere.

    Each object is read by a query of its own, so that a long export does not keep a transaction open.
    """
    with reader.transaction() as connection:
        user = None if connection is None else _read_sessions.user(connection, identifier)
    if user is None:
        return
    yield {"record": "user", **user.to_dict()}
    for session_id in _names(reader, "SELECT s.identifier FROM sessions s", "s", identifier, "s.started_us"):
        with reader.transaction(is_bounded=False) as connection:
            session = None if connection is None else _read_sessions.session(connection, session_id)
            own = None if connection is None or session is None else _own_part(connection, session, identifier)
        if own is not None:
            yield {"record": "session", **own.to_dict()}
    elsewhere = "SELECT t.trace FROM traces t LEFT JOIN sessions s ON s.id = t.session_id AND s.user_id = t.user_id"
    for key in _names(reader, elsewhere, "t", identifier, "t.started_us", "s.id IS NULL"):
        with reader.transaction(is_bounded=False) as connection:
            trace = None if connection is None else _read_traces.trace(connection, key)
        if trace is not None:
            yield {"record": "trace", **trace.to_dict()}


def _names(reader: Reader, select: str, alias: str, identifier: str, order: str, where: str = "1") -> list[Any]:
    owner = f"{alias}.user_id = (SELECT id FROM users WHERE identifier = ?)"
    with reader.transaction(is_bounded=False) as connection:
        if connection is None:
            return []
        rows = connection.execute(f"{select} WHERE {owner} AND {where} ORDER BY {order}, {alias}.id", (identifier,))
        return [name for (name,) in rows]


def _own_part(connection: sqlite3.Connection, session: StoredSession, identifier: str) -> StoredSession:
    """Return the session without other users' traces, and with first input and last output of this user."""
    assert isinstance(session.traces, list)
    own = [trace for trace in session.traces if trace.user_identifier in (identifier, None)]
    if len(own) == len(session.traces):
        return session
    first, last = _recompute.previews_of_owner(connection, session.id)
    return msgspec.structs.replace(session, traces=own, first_input=first, last_output=last)
