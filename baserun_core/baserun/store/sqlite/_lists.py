"""Lists: filtered, sorted, and cut into pages that stay consistent while rows are added."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from baserun.store.filters import SESSION_SORTS, TRACE_SORTS, USER_SORTS
from baserun.store.results import Page, StoredSession, StoredTrace, StoredUser
from baserun.store.sqlite import _checks, _cursor, _filters
from baserun.store.sqlite._convert import now_us
from baserun.store.sqlite._read_sessions import (
    SESSION_COLUMNS,
    SESSION_JOINS,
    USER_COLUMNS,
    session_result,
    user_result,
)
from baserun.store.sqlite._read_traces import TRACE_COLUMNS, TRACE_JOINS, trace_result


class _List(msgspec.Struct, frozen=True):
    """The definition of a list: its table and alias, its columns, its filters and sorts."""

    what: str
    table: str
    alias: str
    columns: str
    joins: str
    filters: tuple[str, ...]
    narrow: Callable[[_filters.Conditions, dict[str, Any]], None]
    sorts: tuple[str, ...]
    keys: dict[str, str]
    """The SQL expression of each of the sorts."""


_USERS = _List(
    "Users", "users", "u", USER_COLUMNS, "", _filters.COMMON, _filters.users, USER_SORTS,
    {"last_seen": "u.last_us", "first_seen": "u.first_us", "cost": "u.cost_nano",
     "tokens": "u.input_tokens + u.output_tokens", "sessions": "u.sessions", "traces": "u.traces",
     "errors": "u.errors"},
)  # fmt: skip
_SESSIONS = _List(
    "Sessions", "sessions", "s", SESSION_COLUMNS, SESSION_JOINS, _filters.OF_SESSIONS, _filters.sessions, SESSION_SORTS,
    {"last_active": "s.last_us", "started": "s.started_us", "cost": "s.cost_nano",
     "tokens": "s.input_tokens + s.output_tokens", "duration": "s.last_us - s.started_us", "errors": "s.errors",
     "traces": "s.traces"},
)  # fmt: skip
_TRACES = _List(
    "Traces", "traces", "t", TRACE_COLUMNS, TRACE_JOINS, _filters.OF_TRACES, _filters.traces, TRACE_SORTS,
    {"started": "t.started_us", "duration": "coalesce(t.duration_us, -1)", "cost": "t.cost_nano",
     "tokens": "t.input_tokens + t.output_tokens", "errors": "t.errors"},
)  # fmt: skip


class Question(msgspec.Struct, frozen=True):
    """The checked arguments of a list."""

    list: _List
    given: dict[str, Any]
    sort: _checks.Sort
    limit: int
    after: _cursor.Cursor | None


def of_users(filters: dict[str, Any]) -> Question:
    """Check the filters of a list of users."""
    return _question(_USERS, filters)


def of_sessions(filters: dict[str, Any]) -> Question:
    """Check the filters of a list of sessions."""
    return _question(_SESSIONS, filters)


def of_traces(filters: dict[str, Any]) -> Question:
    """Check the filters of a list of traces."""
    return _question(_TRACES, filters)


def users(connection: sqlite3.Connection, question: Question) -> Page[StoredUser]:
    """Return a page of users."""
    return _page(connection, question, user_result)


def sessions(connection: sqlite3.Connection, question: Question) -> Page[StoredSession]:
    """Return a page of sessions."""
    return _page(connection, question, session_result)


def traces(connection: sqlite3.Connection, question: Question) -> Page[StoredTrace]:
    """Return a page of traces."""
    now = now_us()
    return _page(connection, question, lambda row: trace_result(row, now))


def _question(kind: _List, filters: dict[str, Any]) -> Question:
    given = _checks.names(filters, kind.filters, kind.what)
    sort = _checks.sort(given.get("sort"), kind.sorts)
    after = given.get("after")
    cursor = None if after is None else _cursor.parse(after, str(sort))
    kind.narrow(_filters.Conditions(None), given)
    return Question(kind, given, sort, _checks.limit(given.get("limit")), cursor)


def _page(connection: sqlite3.Connection, question: Question, result: Callable[[Sequence[Any]], Any]) -> Page[Any]:
    rows = connection.execute(*_select(connection, question)).fetchall()
    shown = rows[: question.limit]
    following = None
    if len(rows) > len(shown):
        row_id, sort_key, *_ = shown[-1]
        following = str(_cursor.Cursor(str(question.sort), sort_key, row_id))
    return Page(items=[result(row) for _, _, *row in shown], next=following)


def _select(connection: sqlite3.Connection, question: Question) -> tuple[str, list[Any]]:
    kind, alias = question.list, question.list.alias
    conditions = _filters.Conditions(connection)
    kind.narrow(conditions, question.given)
    key = kind.keys[question.sort.name]
    direction, compare = ("DESC", "<") if question.sort.is_descending else ("ASC", ">")
    if question.after is not None:
        conditions.add(f"({key}, {alias}.id) {compare} (?, ?)", question.after.value, question.after.row_id)
    # A unary plus keeps SQLite from walking the index of the sort where a rare filter already selects the rows.
    order = f"+({key})" if conditions.is_driven else key
    inner = (
        f"SELECT {alias}.id AS row_id, {key} AS sort_key FROM {kind.table} {alias} WHERE {conditions.sql}"
        f" ORDER BY {order} {direction}, {alias}.id {direction} LIMIT ?"
    )
    outer = (
        f"SELECT page.row_id, page.sort_key, {kind.columns} FROM ({inner}) page"
        f" JOIN {kind.table} {alias} ON {alias}.id = page.row_id {kind.joins}"
        f" ORDER BY page.sort_key {direction}, page.row_id {direction}"
    )
    return outer, [*conditions.values, question.limit + 1]
