"""Writing a batch: new rows, changed rows, and the roll-ups that follow from them."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from baserun.store.rows import json_object
from baserun.store.sqlite import _recompute, _rollups
from baserun.store.sqlite._batch import Batch
from baserun.store.sqlite._hours import HOUR_US, Hours, move_calls
from baserun.store.sqlite._sql import Insert, blob, insert, insert_all, insert_rows, update, write_rows
from baserun.store.sqlite._state import SessionState, TraceState, UserState

_USER = ("identifier", "first_us", "last_us", "sessions", *_rollups.COLUMNS)
_SESSION = (
    "identifier", "user_id", "user_strength", "started_us", "last_us", "event_first_us", "event_last_us", "opened_us",
    "closed_us", "previous", *_rollups.COLUMNS,
)  # fmt: skip
_TRACE = (
    "user_strength", "name", "kind", "status", "started_us", "last_us", "failed_spans", *_rollups.TRACE_COLUMNS,
)  # fmt: skip
_TRACE_NULLABLE = ("session_id", "user_id", "environment", "error_type", "duration_us", "moved_us")
_TEXTS = ("metadata", "first_input_us", "first_input", "last_output_us", "last_output")

_INSERT_USER, _UPDATE_USER = insert("users", ("id", *_USER)), update("users", _USER)
_INSERT_SESSION, _UPDATE_SESSION = insert("sessions", ("id", *_SESSION)), update("sessions", _SESSION)
_INSERT_TRACE = Insert("traces", ("id", "trace", *_TRACE), (*_TRACE_NULLABLE, "metadata", "tags"))
_UPDATE_TRACE = update("traces", _TRACE + _TRACE_NULLABLE)
_COMPLETE_TRACE = update("traces", ("metadata", "tags"))
_INSERT_TEXTS = insert("session_texts", ("id", *_TEXTS), verb="INSERT OR REPLACE")
_INSERT_TRACE_CONTENT = insert("trace_contents", ("id", "error_message", "result"))


class Flush:
    """Writes a batch to the store; `stored` counts the new rows."""

    def __init__(self, batch: Batch) -> None:
        self._connection: sqlite3.Connection = batch.connection
        self._batch = batch
        self._working_set = batch.working_set
        self._stale_sessions: set[int] = set()
        self._stale_users: set[int] = set()
        self._stale_traces: list[int] = []
        self._hours = Hours()
        self.stored: Counter[str] = Counter()

    def run(self) -> None:
        """Write everything."""
        self._spread_owners()
        for trace in self._working_set.traces.values():
            if trace.is_dirty:
                self._roll_up(trace)
        self._count_for_users()
        self._keep_previews()
        for session in self._working_set.sessions.values():
            if session.is_dirty:
                self._count_for_owner(session)
        self._write_users()
        self._write_sessions()
        self._write_traces()
        self._write_spans()
        self._hours.write(self._connection)
        self._refresh_stale()

    def _spread_owners(self) -> None:
        """Load the traces that follow a session's new owner, also those that this batch does not touch."""
        for session in list(self._working_set.sessions.values()):
            if session.strength > session.stored_strength and not session.is_new:
                self._working_set.load_weak_traces(session)

    def _roll_up(self, trace: TraceState) -> None:
        trace.settle()
        self._hours.follow(trace)
        user, session = trace.user, trace.session
        if trace.stored_sums is not None:
            self._take_away(trace, trace.stored_sums)
        if trace.started_us != trace.announced_us:
            self._begin_otherwise(trace)
        if session is not None:
            _rollups.add(session.sums, trace.sums)
            session.is_dirty = True
            session.see(trace.started_us, trace.last_us)
        if user is not None:
            user.is_dirty = True
            user.see(trace.started_us, trace.last_us)

    def _take_away(self, trace: TraceState, sums: list[int]) -> None:
        session, user = trace.stored_session, trace.stored_user
        if session is not None:
            _rollups.subtract(session.sums, sums)
            session.is_dirty = True
        if user is not None and user is not trace.user:
            user.is_dirty = True
            self._stale_users.add(user.id)
        if session is not trace.session:
            self._stale_sessions.update(each.id for each in (session, trace.session) if each is not None)

    def _begin_otherwise(self, trace: TraceState) -> None:
        move_calls(self._connection, self._hours, trace)
        self._stale_traces.append(trace.id)
        if trace.session is not None:
            self._stale_sessions.add(trace.session.id)
        if trace.user is not None:
            self._stale_users.add(trace.user.id)

    def _count_for_users(self) -> None:
        """Add the changes in a user's hours to the user's sums."""
        for user_id, sums in self._hours.of_users():
            _rollups.add(self._working_set.users_by_id[user_id].sums, sums)

    def _keep_previews(self) -> None:
        for trace, started_us, first, last in self._batch.previews:
            if trace.session is not None:
                trace.session.preview(started_us, first, last)

    def _count_for_owner(self, session: SessionState) -> None:
        stored, owner = session.stored_user, session.user
        if not session.is_there:
            owner = None
        if stored is not None and stored is not owner:
            stored.sessions -= 1
            _add_direct(stored, session.direct, -1)
            self._stale_users.add(stored.id)
        if owner is not None:
            if owner is not stored:
                owner.sessions += 1
                _add_direct(owner, session.direct, 1)
            assert session.started_us is not None
            owner.see(session.started_us, session.last_us)

    def _write_users(self) -> None:
        dirty = [user for user in self._working_set.users.values() if user.is_dirty]
        new = [user for user in dirty if user.is_new and (user.sessions or user.sums[_rollups.TRACES])]
        insert_rows(self._connection, _INSERT_USER, [(user.id, *_user(user)) for user in new])
        write_rows(self._connection, _UPDATE_USER, [(*_user(user), user.id) for user in dirty if not user.is_new])

    def _write_sessions(self) -> None:
        dirty = [session for session in self._working_set.sessions.values() if session.is_dirty]
        new = [session for session in dirty if session.is_new and session.is_there]
        self.stored["session"] += len(new)
        insert_rows(self._connection, _INSERT_SESSION, [(session.id, *_session(session)) for session in new])
        old = [session for session in dirty if not session.is_new]
        write_rows(self._connection, _UPDATE_SESSION, [(*_session(session), session.id) for session in old])
        texts = [each for each in dirty if each.texts_are_dirty and each.is_there]
        insert_rows(self._connection, _INSERT_TEXTS, [(each.id, *_texts(each)) for each in texts])

    def _write_traces(self) -> None:
        dirty = [trace for trace in self._working_set.traces.values() if trace.is_dirty]
        new = [trace for trace in dirty if trace.is_new]
        self.stored["trace"] += len(new)
        insert_all(self._connection, map(_insert_trace, new))
        old = [trace for trace in dirty if not trace.is_new]
        write_rows(self._connection, _UPDATE_TRACE, [(*_trace(each), *_trace_nullable(each), each.id) for each in old])
        completed = [trace for trace in dirty if trace.is_completed]
        late = [(each.metadata, each.tags, each.id) for each in completed if not each.is_new]
        write_rows(self._connection, _COMPLETE_TRACE, late)
        contents = [(each.id, each.error_message, each.result) for each in completed if each.has_content]
        insert_rows(self._connection, _INSERT_TRACE_CONTENT, contents)
        for trace in completed:
            if trace.tags is not None:
                write_tags(self._connection, trace.id, json_object(trace.tags), is_new=trace.is_new)

    def _write_spans(self) -> None:
        batch = self._batch
        self.stored["span"] += len(batch.spans)
        insert_all(self._connection, batch.spans)
        insert_all(self._connection, batch.contents)
        for names, calls in batch.models.items():
            self._write_model(model_id(self._connection, *names), calls)

    def _write_model(self, model: int, calls: Sequence[tuple[TraceState, tuple[int, ...]]]) -> None:
        rows = [(model, trace_id) for trace_id in sorted({trace.id for trace, _ in calls})]
        insert_rows(self._connection, "INSERT OR IGNORE INTO trace_models VALUES (?, ?)", rows)
        by_hour: defaultdict[int, list[tuple[int, ...]]] = defaultdict(list)
        for trace, sums in calls:
            by_hour[trace.started_us // HOUR_US].append(sums)
        for hour, parts in by_hour.items():
            self._hours.call(hour, model, tuple(map(sum, zip(*parts, strict=True))))

    def _refresh_stale(self) -> None:
        for trace_id in self._stale_traces:
            _recompute.refresh_trace(self._connection, trace_id)
        for session_id in self._stale_sessions:
            gone = _recompute.refresh_session(self._connection, session_id)
            self.stored["session"] -= gone
        owners = {
            each.user.id
            for each in self._working_set.sessions.values()
            if each.id in self._stale_sessions and each.user
        }
        for user_id in self._stale_users | owners:
            _recompute.refresh_user(self._connection, user_id)


def write_tags(connection: sqlite3.Connection, trace_id: int, tags: dict[str, Any], *, is_new: bool) -> None:
    """Make a trace findable by these tags; of each name the last value counts."""
    if not is_new:
        earlier = [(trace_id, name) for name in tags]
        write_rows(connection, "DELETE FROM trace_tags WHERE trace_id = ? AND name = ?", earlier)
    rows = [(name, tag_text(value), trace_id) for name, value in tags.items()]
    write_rows(connection, "INSERT INTO trace_tags VALUES (?, ?, ?)", rows)


def tag_text(value: Any) -> str:
    """Return a tag's value as written in a filter: text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def model_id(connection: sqlite3.Connection, requested: str, answered: str) -> int:
    """Return the id of a model, inserting it if it is new."""
    names = (requested, answered)
    row = connection.execute("SELECT id FROM models WHERE requested = ? AND answered = ?", names).fetchone()
    if row is None:
        row = connection.execute(
            "INSERT INTO models (requested, answered) VALUES (?, ?) RETURNING id", names
        ).fetchone()
    return int(row[0])


def _add_direct(user: UserState, direct: tuple[int, int, int, int], sign: int) -> None:
    for offset, value in enumerate(direct):
        user.sums[_rollups.FEEDBACK + offset] += sign * value
    user.is_dirty = True


def _user(user: UserState) -> tuple[Any, ...]:
    return (user.identifier, user.first_us, user.last_us, user.sessions, *user.sums)


def _session(each: SessionState) -> tuple[Any, ...]:
    return (
        each.identifier, each.user.id if each.user else None, each.strength, each.started_us, each.last_us,
        each.event_first_us, each.event_last_us, each.opened_us, each.closed_us, each.previous, *each.sums,
    )  # fmt: skip


def _texts(each: SessionState) -> tuple[Any, ...]:
    return (each.metadata, each.first_input_us, each.first_input, each.last_output_us, each.last_output)


def _insert_trace(each: TraceState) -> tuple[str, tuple[Any, ...]]:
    statement, others = _INSERT_TRACE.of((*_trace_nullable(each), each.metadata, each.tags))
    return statement, (each.id, blob(each.key), *_trace(each), *others)


def _trace(each: TraceState) -> tuple[Any, ...]:
    return (
        each.strength, each.name, each.kind, each.status, each.started_us, each.last_us, each.failed_spans,
        *each.sums[1:],
    )  # fmt: skip


def _trace_nullable(each: TraceState) -> tuple[Any, ...]:
    user, session = each.user, each.session
    return (
        session.id if session else None, user.id if user else None, each.environment, each.error_type,
        each.duration_us, each.moved_us,
    )  # fmt: skip
