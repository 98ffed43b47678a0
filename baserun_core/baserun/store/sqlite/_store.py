"""The reading side of an SQLite store."""

from __future__ import annotations

from typing import Unpack

from baserun.store._location import StoreLocation
from baserun.store.filters import SessionFilters, TraceFilters, UserFilters
from baserun.store.results import (
    Page,
    StoredSession,
    StoredTrace,
    StoredUser,
)
from baserun.store.sqlite import _checks, _ledger, _lists, _read_sessions, _read_traces
from baserun.store.sqlite._reader import DEFAULT_BUDGET_SECONDS, Reader


class SqliteStore:
    """Reads the file at `location`; see `baserun.store._contract.Store` for the promises."""

    def __init__(self, location: StoreLocation, *, budget: float | None = DEFAULT_BUDGET_SECONDS) -> None:
        self.location = location
        self._reader = Reader(location.path, budget)

    def __enter__(self) -> SqliteStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SqliteStore {self.location.path}>"

    def sessions(self, **filters: Unpack[SessionFilters]) -> Page[StoredSession]:
        """List sessions, the last active first."""
        question = _lists.of_sessions(dict(filters))
        with self._reader.question() as connection:
            return Page(items=[]) if connection is None else _lists.sessions(connection, question)

    def session(self, session_id: str) -> StoredSession | None:
        """One session with everything in it."""
        identifier = _checks.identifier(session_id)
        with self._reader.question(is_bounded=False) as connection:
            if connection is None or identifier is None:
                return None
            return _read_sessions.session(connection, identifier)

    def chain(self, session_id: str) -> list[StoredSession]:
        """The sessions of one visit, the earliest first."""
        identifier = _checks.identifier(session_id)
        with self._reader.question() as connection:
            if connection is None or identifier is None:
                return []
            return _read_sessions.chain(connection, identifier)

    def users(self, **filters: Unpack[UserFilters]) -> Page[StoredUser]:
        """List users, the last seen first."""
        question = _lists.of_users(dict(filters))
        with self._reader.question() as connection:
            return Page(items=[]) if connection is None else _lists.users(connection, question)

    def user(self, user_identifier: str) -> StoredUser | None:
        """One user."""
        identifier = _checks.identifier(user_identifier)
        with self._reader.question() as connection:
            if connection is None or identifier is None:
                return None
            return _read_sessions.user(connection, identifier)

    def traces(self, **filters: Unpack[TraceFilters]) -> Page[StoredTrace]:
        """List traces, the last started first."""
        question = _lists.of_traces(dict(filters))
        with self._reader.question() as connection:
            return Page(items=[]) if connection is None else _lists.traces(connection, question)

    def trace(self, trace_id: str) -> StoredTrace | None:
        """One trace with everything in it."""
        key = _checks.trace_key(trace_id)
        with self._reader.question(is_bounded=False) as connection:
            if connection is None or key is None:
                return None
            return _read_traces.trace(connection, key)

    def ledger(self) -> dict[str, dict[str, int]]:
        """What was stored, dropped, pruned and erased."""
        with self._reader.question() as connection:
            return {name: {} for name in _ledger.NAMES} if connection is None else _ledger.read(connection)

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
