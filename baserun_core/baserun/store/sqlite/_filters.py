"""Translating the filters of a list to SQL conditions.

SQLite keeps no statistics that would tell a rare model from a common one, so the few filters that can be either are
tried first: a rare one drives the query, a common one is checked while the list is walked in its order.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from baserun.store.filters import FEEDBACK, STATUSES
from baserun.store.sqlite import _checks
from baserun.store.sqlite._convert import ABANDONED_AFTER_US, now_us
from baserun.store.sqlite._search_newest import said_lately
from baserun.store.sqlite._search_query import match_expression

RARE = 3_000
NANO, MICRO = 1_000_000_000, 1_000_000

COMMON = ("user", "since", "until", "feedback", "min_errors", "min_cost", "min_tokens", "sort", "limit", "after")
OF_SESSIONS = (*COMMON, "status", "model", "kind", "tag", "min_duration", "text")
OF_TRACES = (*OF_SESSIONS, "session")


class Conditions:
    """The WHERE clause of a list, built step by step."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection
        self._texts: list[str] = []
        self.values: list[Any] = []
        self.is_driven = False
        """Whether a rare filter selects the rows, which are sorted afterwards."""

    def add(self, condition: str, *values: Any) -> None:
        """Add `condition` to the others."""
        self._texts.append(condition)
        self.values += values

    def add_rare_or(self, column: str, among: str, each: str, *values: Any) -> None:
        """Require `column` to be in the result of the SELECT `among`; if that is large, check `each` row instead."""
        rare = None if self.is_driven else self._rare(among, values)
        if rare is None:
            self.add(each, *values)
        else:
            self.is_driven = True
            self.add(f"{column} IN (SELECT value FROM json_each(?))", json.dumps(rare))

    def said_lately(self, text: str) -> list[int]:
        """Return the row ids of calls with this text that the search index does not have yet."""
        return [] if self._connection is None else said_lately(self._connection, text)

    @property
    def sql(self) -> str:
        """The conditions; true if there are none."""
        return " AND ".join(self._texts) or "1"

    def _rare(self, among: str, values: tuple[Any, ...]) -> list[int] | None:
        """Return the result of `among` if it has `RARE` rows at the most, else None."""
        if self._connection is None:  # only checking
            return None
        found = self._connection.execute(f"{among} LIMIT {RARE + 1}", values).fetchall()
        return [each for (each,) in found] if len(found) <= RARE else None


def users(conditions: Conditions, given: dict[str, Any]) -> None:
    """Add the conditions of a list of users `u`."""
    if "user" in given:
        conditions.add("u.identifier = ?", _checks.text("user", given["user"]))
    _times(conditions, given, "u.last_us")
    _amounts(conditions, given, "u")


def sessions(conditions: Conditions, given: dict[str, Any]) -> None:
    """Add the conditions of a list of sessions `s`."""
    _owner(conditions, given, "s.user_id")
    _times(conditions, given, "s.last_us")
    _amounts(conditions, given, "s")
    if "min_duration" in given:
        shortest = _checks.number("min_duration", given["min_duration"], MICRO)
        conditions.add("s.last_us - s.started_us >= ?", shortest)
    for condition, among, values in _of_traces(conditions, given):
        sets = f"SELECT t.session_id FROM {among} AND t.session_id IS NOT NULL"
        each = f"EXISTS (SELECT 1 FROM traces t WHERE t.session_id = s.id AND {condition})"
        conditions.add_rare_or("s.id", sets, each, *values)


def traces(conditions: Conditions, given: dict[str, Any]) -> None:
    """Add the conditions of a list of traces `t`."""
    _owner(conditions, given, "t.user_id")
    if "session" in given:
        session = _checks.text("session", given["session"])
        conditions.add("t.session_id = (SELECT id FROM sessions WHERE identifier = ?)", session)
    _times(conditions, given, "t.started_us")
    _amounts(conditions, given, "t")
    if "min_duration" in given:
        shortest = _checks.number("min_duration", given["min_duration"], MICRO)
        conditions.add("t.duration_us >= ?", shortest)
    for condition, among, values in _of_traces(conditions, given):
        conditions.add_rare_or("t.id", f"SELECT t.id FROM {among}", condition, *values)


def _owner(conditions: Conditions, given: dict[str, Any], column: str) -> None:
    if "user" in given:
        user = _checks.text("user", given["user"])
        conditions.add(f"{column} = (SELECT id FROM users WHERE identifier = ?)", user)


def _times(conditions: Conditions, given: dict[str, Any], column: str) -> None:
    if "since" in given:
        conditions.add(f"{column} >= ?", _checks.when("since", given["since"]))
    if "until" in given:
        conditions.add(f"{column} < ?", _checks.when("until", given["until"]))


def _amounts(conditions: Conditions, given: dict[str, Any], table: str) -> None:
    if "feedback" in given:
        wanted = _checks.choice("feedback", given["feedback"], FEEDBACK)
        conditions.add(f"{table}.feedback_count > 0")
        if wanted != "any":
            conditions.add(f"{table}.feedback_{wanted} > 0")
    if "min_errors" in given:
        least = _checks.number("min_errors", given["min_errors"])
        # With the condition of the partial indexes on errors, so that SQLite can use them.
        among = f"{table}.errors > 0 AND " if least else ""
        conditions.add(f"{among}{table}.errors >= ?", least)
    if "min_cost" in given:
        conditions.add(f"{table}.cost_nano >= ?", _checks.number("min_cost", given["min_cost"], NANO))
    if "min_tokens" in given:
        least = _checks.number("min_tokens", given["min_tokens"])
        conditions.add(f"{table}.input_tokens + {table}.output_tokens >= ?", least)


def _of_traces(conditions: Conditions, given: dict[str, Any]) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Return the filters of a trace `t`: a condition, the tables and condition of a SELECT, and the values of each."""
    found = []
    if "status" in given:
        found.append(_status(_checks.choice("status", given["status"], STATUSES)))
    if "kind" in given:
        found.append(("t.kind = ?", "traces t WHERE t.kind = ?", (_checks.text("kind", given["kind"]),)))
    if "model" in given:
        found.append(_model(_checks.text("model", given["model"])))
    if "tag" in given:
        found.append(_tag(_checks.tag(given["tag"])))
    if "text" in given:
        text = _checks.text("text", given["text"])
        found.append(_said(text, conditions.said_lately(text)))
    return found


def _status(wanted: str) -> tuple[str, str, tuple[Any, ...]]:
    if wanted in ("running", "abandoned"):
        condition = f"t.status = 'running' AND t.last_us {'>=' if wanted == 'running' else '<'} ?"
        return condition, f"traces t WHERE t.status <> 'ok' AND {condition}", (now_us() - ABANDONED_AFTER_US,)
    rare = "" if wanted == "ok" else "t.status <> 'ok' AND "
    return "+t.status = ?", f"traces t WHERE {rare}t.status = ?", (wanted,)


def _model(name: str) -> tuple[str, str, tuple[Any, ...]]:
    numbers = "(SELECT id FROM models WHERE requested = ? OR answered = ?)"
    condition = f"EXISTS (SELECT 1 FROM trace_models m WHERE m.model_id IN {numbers} AND m.trace_id = t.id)"
    return condition, f"trace_models m JOIN traces t ON t.id = m.trace_id WHERE m.model_id IN {numbers}", (name, name)


def _tag(tag: tuple[str, str]) -> tuple[str, str, tuple[Any, ...]]:
    condition = "EXISTS (SELECT 1 FROM trace_tags g WHERE g.name = ? AND g.value = ? AND g.trace_id = t.id)"
    return condition, "trace_tags g JOIN traces t ON t.id = g.trace_id WHERE g.name = ? AND g.value = ?", tag


def _said(text: str, lately: list[int]) -> tuple[str, str, tuple[Any, ...]]:
    hits = "SELECT p.trace_id FROM search JOIN spans p ON p.id = search.rowid WHERE search MATCH ?"
    values: tuple[Any, ...] = (match_expression(text),)
    if lately:
        hits += " UNION SELECT trace_id FROM spans WHERE id IN (SELECT value FROM json_each(?))"
        values += (json.dumps(lately),)
    return f"t.id IN ({hits})", f"traces t WHERE t.id IN ({hits})", values
