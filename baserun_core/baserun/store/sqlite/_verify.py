"""Verifying a store: counting everything again and comparing."""

from __future__ import annotations

import sqlite3

from baserun.store.sqlite import _hours, _ledger, _recompute
from baserun.store.sqlite._rollups import COLUMNS, DIRECT_COLUMNS, TRACE_COLUMNS, feedback

MOST_DIFFERENCES = 100

_FEEDBACK_SUMS = (
    "sum(feedback(score, 0)), sum(feedback(score, 1)), sum(feedback(score, 2)), sum(feedback(score, 3))"
    " FROM annotations WHERE type = 'feedback' AND score IS NOT NULL AND {column} IS NOT NULL GROUP BY {column}"
)
"""The four columns of feedback, counted by the same rule as when they were written."""
_TRACES = f"""
    WITH called AS (
        SELECT trace_id, sum(status = 'error') AS failed, sum(is_call AND kind = 'llm') AS llm,
               total(input_tokens) AS input, count(input_tokens) AS input_known,
               total(output_tokens) AS output, count(output_tokens) AS output_known,
               total(cost_nano) AS cost, count(cost_nano) AS cost_known,
               sum(is_call AND cost_nano IS NULL) AS unpriced,
               max(started_us + duration_us) AS last_us
        FROM spans GROUP BY trace_id
    ), given (trace_id, count, sum, negative, positive) AS (
        SELECT trace_id, {_FEEDBACK_SUMS.format(column="trace_id")}
    )
    SELECT hex(t.trace),
        max(t.started_us + coalesce(t.duration_us, 0), coalesce(c.last_us, 0)), t.last_us,
        coalesce(c.failed, 0), t.failed_spans,
        coalesce(c.llm, 0) > 0, t.turns,
        coalesce(c.llm, 0), t.llm_calls,
        CASE WHEN c.failed > 0 THEN c.failed ELSE t.status = 'error' END, t.errors,
        coalesce(c.input, 0), t.input_tokens, coalesce(c.input_known, 0), t.input_known,
        coalesce(c.output, 0), t.output_tokens, coalesce(c.output_known, 0), t.output_known,
        coalesce(c.cost, 0), t.cost_nano, coalesce(c.cost_known, 0), t.cost_known,
        coalesce(c.unpriced, 0), t.unpriced,
        coalesce(g.count, 0), t.feedback_count, coalesce(g.sum, 0), t.feedback_sum,
        coalesce(g.negative, 0), t.feedback_negative, coalesce(g.positive, 0), t.feedback_positive,
        CASE WHEN s.user_strength > t.user_strength THEN s.user_id ELSE t.user_id END, t.user_id
    FROM traces t LEFT JOIN called c ON c.trace_id = t.id LEFT JOIN given g ON g.trace_id = t.id
        LEFT JOIN sessions s ON s.id = t.session_id
"""
_TRACE_FIELDS = ("last_us", "failed_spans", *TRACE_COLUMNS, "user_id")

_COUNTS = {
    "session": "SELECT count(*) FROM sessions",
    "trace": "SELECT count(*) FROM traces",
    "span": "SELECT count(*) FROM spans",
    "annotation": "SELECT count(*) FROM annotations",
}
_REFERENCES = (
    ("spans", "trace_id", "traces"),
    ("traces", "session_id", "sessions"),
    ("traces", "user_id", "users"),
    ("sessions", "user_id", "users"),
    ("contents", "id", "spans"),
    ("session_texts", "id", "sessions"),
    ("trace_contents", "id", "traces"),
    ("trace_tags", "trace_id", "traces"),
    ("trace_models", "trace_id", "traces"),
    ("trace_models", "model_id", "models"),
    ("user_hours", "user_id", "users"),
    ("model_hours", "model_id", "models"),
    ("annotations", "session_id", "sessions"),
    ("annotations", "trace_id", "traces"),
    ("annotations", "span_id", "spans"),
    ("annotation_contents", "id", "annotations"),
)
"""A table, its column, and the table whose id it holds."""


def verify(connection: sqlite3.Connection) -> list[str]:
    """Return descriptions of what is wrong; empty if nothing is."""
    connection.create_function("feedback", 2, lambda score, part: feedback(score)[part], deterministic=True)
    found = [f"integrity: {text}" for (text,) in connection.execute("PRAGMA integrity_check") if text != "ok"]
    found += _compare(connection, "trace", _TRACES, _TRACE_FIELDS)
    found += _compare(connection, "session", _sessions(), ("started_us", "last_us", *COLUMNS, *DIRECT_COLUMNS))
    found += _compare(connection, "session", _previews(), ("first_input", "last_output"))
    found += _compare(connection, "user", _users(), ("first_us", "last_us", "sessions", *COLUMNS))
    found += _hour_differences(connection)
    found += _ledger_differences(connection)
    for reference in _REFERENCES:
        found += _dangling(connection, *reference)
    return found[:MOST_DIFFERENCES]


def _compare(connection: sqlite3.Connection, what: str, query: str, fields: tuple[str, ...]) -> list[str]:
    """Compare pairs of columns, expected before stored, in each row of `query`."""
    found = []
    for name, *values in connection.execute(query):
        for field, expected, stored in zip(fields, values[::2], values[1::2], strict=True):
            if expected != stored:
                found.append(f"{what} {name}: {field} is {stored!r}, should be {expected!r}")
        if len(found) >= MOST_DIFFERENCES:
            break
    return found


def _sessions() -> str:
    traces = ", ".join(f"sum({column}) AS {column}" for column in TRACE_COLUMNS)
    pairs = [f"coalesce(a.{column}, 0) + {_direct(column)}, s.{column}" for column in COLUMNS] + [
        f"coalesce(d.{column}, 0), s.{column}" for column in DIRECT_COLUMNS
    ]
    return f"""
        WITH added AS (SELECT session_id, count(*) AS traces, min(started_us) AS first_us, max(last_us) AS last_us,
                              {traces} FROM traces GROUP BY session_id),
        given (session_id, {", ".join(DIRECT_COLUMNS)}) AS (
            SELECT session_id, {_FEEDBACK_SUMS.format(column="session_id")}
        )
        SELECT s.identifier,
            min(coalesce(s.event_first_us, a.first_us), coalesce(a.first_us, s.event_first_us)), s.started_us,
            max(coalesce(s.event_last_us, a.last_us), coalesce(a.last_us, s.event_last_us)), s.last_us,
            {", ".join(pairs)}
        FROM sessions s LEFT JOIN added a ON a.session_id = s.id LEFT JOIN given d ON d.session_id = s.id
    """


def _direct(column: str) -> str:
    direct = f"direct_{column.removeprefix('feedback_')}"
    return f"coalesce(d.{direct}, 0)" if column.startswith("feedback_") else "0"


def _previews() -> str:
    first = _recompute.FIRST_INPUT.replace(":id", "s.id").replace("SELECT p.started_us, ", "SELECT ", 1)
    last = _recompute.LAST_OUTPUT.replace(":id", "s.id").replace("SELECT p.started_us, ", "SELECT ", 1)
    return f"""
        SELECT s.identifier, ({first}), x.first_input, ({last}), x.last_output
        FROM sessions s LEFT JOIN session_texts x ON x.id = s.id
    """


def _users() -> str:
    traces = ", ".join(f"sum({column}) AS {column}" for column in TRACE_COLUMNS)
    direct = ", ".join(f"sum({column}) AS {column}" for column in DIRECT_COLUMNS)
    pairs = ", ".join(
        f"coalesce(t.{column}, 0) + {_direct(column).replace('d.', 's.')}, u.{column}" for column in COLUMNS
    )
    return f"""
        WITH own AS (SELECT user_id, count(*) AS traces, min(started_us) AS first_us, max(last_us) AS last_us, {traces}
                     FROM traces GROUP BY user_id),
        kept AS (SELECT user_id, count(*) AS sessions, min(started_us) AS first_us, max(last_us) AS last_us, {direct}
                 FROM sessions GROUP BY user_id)
        SELECT u.identifier,
            min(coalesce(s.first_us, t.first_us), coalesce(t.first_us, s.first_us)), u.first_us,
            max(coalesce(s.last_us, t.last_us), coalesce(t.last_us, s.last_us)), u.last_us,
            coalesce(s.sessions, 0), u.sessions, {pairs}
        FROM users u LEFT JOIN own t ON t.user_id = u.id LEFT JOIN kept s ON s.user_id = u.id
    """


def _hour_differences(connection: sqlite3.Connection) -> list[str]:
    """Return the missing and the wrong rows of the hours' tables."""
    found = []
    for table, recount in _hours.RECOUNTS.items():
        expected, stored = f"SELECT * FROM ({recount})", f"SELECT * FROM {table}"
        for what, query in (("missing", f"{expected} EXCEPT {stored}"), ("wrong", f"{stored} EXCEPT {expected}")):
            found += [
                f"{table}: the row {row} is {what}" for row in connection.execute(f"{query} LIMIT {MOST_DIFFERENCES}")
            ]
    return found


def _dangling(connection: sqlite3.Connection, table: str, column: str, target: str) -> list[str]:
    query = f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM {target})"
    count = connection.execute(query).fetchone()[0]
    return [f"{count} {table} have a {column} that is not in {target}"] if count else []


def _ledger_differences(connection: sqlite3.Connection) -> list[str]:
    ledger = _ledger.read(connection)
    found = []
    for kind, query in _COUNTS.items():
        removed = ledger[_ledger.PRUNED].get(kind, 0) + ledger[_ledger.ERASED].get(kind, 0)
        expected = ledger[_ledger.STORED].get(kind, 0) - removed
        stored = connection.execute(query).fetchone()[0]
        if stored != expected:
            found.append(f"ledger: {stored} {kind} rows are there, should be {expected}")
    return found
