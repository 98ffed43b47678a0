"""The users, sessions and traces of one batch, loaded in bulk and indexed by both kinds of id."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from itertools import count
from typing import Any

from baserun.store.sqlite import _rollups
from baserun.store.sqlite._hours import latency_of
from baserun.store.sqlite._sql import select_in
from baserun.store.sqlite._state import SessionState, TraceState, UserState

_ROLLUPS = ", ".join(_rollups.COLUMNS)
_USERS = f"SELECT id, identifier, first_us, last_us, sessions, {_ROLLUPS} FROM users"
_SESSIONS = (
    "SELECT s.id, user_id, identifier, user_strength, started_us, last_us, event_first_us, event_last_us, opened_us,"
    " closed_us, previous, direct_count, direct_sum, direct_negative, direct_positive, metadata, first_input_us,"
    f" first_input, last_output_us, last_output, {_ROLLUPS} FROM sessions s LEFT JOIN session_texts t ON t.id = s.id"
)
_TRACES = (
    "SELECT id, user_id, session_id, trace, user_strength, name, kind, environment, status, error_type, started_us,"
    f" duration_us, last_us, moved_us, failed_spans, 1 AS traces, {', '.join(_rollups.TRACE_COLUMNS)} FROM traces"
)
_ID, _USER_ID, _SESSION_ID = range(3)
"""The first columns: the id of the row, of its user, and of its session, as far as it can have them."""
_OWN, _SUMS = slice(-_rollups.WIDTH), slice(-_rollups.WIDTH, None)
"""The parts of a row: its own columns, then its sums."""
_NUMBERED = ("users", "sessions", "traces", "spans", "annotations")
_HIGHEST = {table: f"(SELECT coalesce(max(id), 0) FROM {table})" for table in _NUMBERED}
# The highest span id that was ever deleted counts too: the search index must not meet an id again.
_HIGHEST["spans"] = (
    f"max({_HIGHEST['spans']}, coalesce((SELECT value FROM counters WHERE name = 'span_high_water'), 0))"
)
_NEXT_IDS = f"SELECT {', '.join(f'{_HIGHEST[table]} + 1' for table in _NUMBERED)}"


class WorkingSet:
    """The rows that a batch touches. New ones get their ids here, inside the transaction that inserts them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.users: dict[str, UserState] = {}
        self.sessions: dict[str, SessionState] = {}
        self.traces: dict[bytes, TraceState] = {}
        self.users_by_id: dict[int, UserState] = {}
        self._sessions_by_id: dict[int, SessionState] = {}
        self._traces_by_id: dict[int, TraceState] = {}
        self._next_ids: dict[str, count[int]] = {}

    def load(self, users: Iterable[str], sessions: Iterable[str], traces: Iterable[bytes]) -> None:
        """Load these in bulk, with the rows that they refer to."""
        connection = self._connection
        trace_rows = list(select_in(connection, f"{_TRACES} WHERE trace IN ({{}})", traces))
        session_rows = list(select_in(connection, f"{_SESSIONS} WHERE identifier IN ({{}})", sessions))
        others = {row[_SESSION_ID] for row in trace_rows} - {row[_ID] for row in session_rows} - {None}
        session_rows += select_in(connection, f"{_SESSIONS} WHERE s.id IN ({{}})", others)
        user_rows = list(select_in(connection, f"{_USERS} WHERE identifier IN ({{}})", users))
        others = {row[_USER_ID] for row in (*session_rows, *trace_rows)} - {row[_ID] for row in user_rows} - {None}
        user_rows += select_in(connection, f"{_USERS} WHERE id IN ({{}})", others)
        for row in user_rows:
            self._take_user(row)
        for row in session_rows:
            self._take_session(row)
        for row in trace_rows:
            self._take_trace(row)

    def user(self, identifier: str) -> UserState:
        """Return the user, a new one if it is not stored yet."""
        state = self.users.get(identifier)
        if state is None:
            state = UserState(self.next_id("users"), identifier, is_new=True, is_dirty=True)
            self.users[identifier] = self.users_by_id[state.id] = state
        return state

    def session(self, identifier: str) -> SessionState:
        """Return the session, a new one if it is not stored yet."""
        state = self.sessions.get(identifier)
        if state is None:
            state = SessionState(self.next_id("sessions"), identifier, is_new=True, is_dirty=True)
            self.sessions[identifier] = self._sessions_by_id[state.id] = state
        return state

    def new_trace(self, key: bytes) -> TraceState:
        """Add a trace that is not stored yet."""
        state = TraceState(self.next_id("traces"), key, is_new=True, is_dirty=True)
        self.traces[key] = self._traces_by_id[state.id] = state
        return state

    def load_weak_traces(self, session: SessionState) -> None:
        """Load those traces of a session that follow its owner, and mark them to be written."""
        query = f"{_TRACES} WHERE session_id = ? AND user_strength < ?"
        for row in self._connection.execute(query, (session.id, session.strength)).fetchall():
            state = self._traces_by_id.get(row[_ID]) or self._take_trace(row)
            state.is_dirty = True

    def next_id(self, table: str) -> int:
        """Return an id for a new row of `table`, above all that it has."""
        if not self._next_ids:
            first = map(count, self._connection.execute(_NEXT_IDS).fetchone())
            self._next_ids = dict(zip(_NUMBERED, first, strict=True))
        return next(self._next_ids[table])

    def _user_by_id(self, row_id: int | None) -> UserState | None:
        if row_id is None:
            return None
        known = self.users_by_id.get(row_id)
        if known is None:
            known = self._take_user(self._connection.execute(f"{_USERS} WHERE id = ?", (row_id,)).fetchone())
        return known

    def _session_by_id(self, row_id: int | None) -> SessionState | None:
        if row_id is None:
            return None
        known = self._sessions_by_id.get(row_id)
        if known is None:
            known = self._take_session(self._connection.execute(f"{_SESSIONS} WHERE s.id = ?", (row_id,)).fetchone())
        return known

    def _take_user(self, row: Any) -> UserState:
        row_id, identifier, first_us, last_us, sessions = row[_OWN]
        state = UserState(row_id, identifier)
        state.first_us, state.last_us, state.sessions = first_us, last_us, sessions
        state.sums = list(row[_SUMS])
        self.users[state.identifier] = self.users_by_id[state.id] = state
        return state

    def _take_session(self, row: Any) -> SessionState:
        (
            row_id, user_id, identifier, strength, started_us, last_us, event_first_us, event_last_us, opened_us,
            closed_us, previous, direct_count, direct_sum, direct_negative, direct_positive, metadata, first_input_us,
            first_input, last_output_us, last_output,
        ) = row[_OWN]  # fmt: skip
        state = SessionState(row_id, identifier)
        state.user = state.stored_user = self._user_by_id(user_id)
        state.strength = state.stored_strength = strength
        state.started_us, state.last_us = started_us, last_us
        state.event_first_us, state.event_last_us = event_first_us, event_last_us
        state.opened_us, state.closed_us, state.previous = opened_us, closed_us, previous
        state.direct = (direct_count, direct_sum, direct_negative, direct_positive)
        state.metadata = metadata
        state.first_input_us, state.first_input = first_input_us, first_input
        state.last_output_us, state.last_output = last_output_us, last_output
        state.sums = list(row[_SUMS])
        self.sessions[state.identifier] = self._sessions_by_id[state.id] = state
        return state

    def _take_trace(self, row: Any) -> TraceState:
        (
            row_id, user_id, session_id, key, strength, name, kind, environment, status, error_type, started_us,
            duration_us, last_us, moved_us, failed_spans,
        ) = row[_OWN]  # fmt: skip
        state = TraceState(row_id, key)
        state.session = state.stored_session = self._session_by_id(session_id)
        state.stored_user = self._user_by_id(user_id)
        state.strength = strength
        state.own_user = state.stored_user if strength else None
        state.name, state.kind, state.environment = name, kind, environment
        state.status, state.error_type, state.failed_spans = status, error_type, failed_spans
        state.started_us = state.announced_us = started_us
        state.duration_us, state.last_us, state.moved_us = duration_us, last_us, moved_us
        state.sums = list(row[_SUMS])
        state.stored_sums = list(state.sums)
        state.stored_latency = latency_of(state.duration_us, state.sums)
        self.traces[state.key] = self._traces_by_id[state.id] = state
        return state
