"""Looking up again what cannot be subtracted: first and last times, first input and last output."""

from __future__ import annotations

import sqlite3

SESSION_TIMES = """
    SELECT min(coalesce(s.event_first_us, t.first_us), coalesce(t.first_us, s.event_first_us)),
           max(coalesce(s.event_last_us, t.last_us), coalesce(t.last_us, s.event_last_us))
    FROM sessions s,
         (SELECT min(started_us) AS first_us, max(last_us) AS last_us FROM traces WHERE session_id = :id) t
    WHERE s.id = :id
"""
USER_TIMES = """
    SELECT min(coalesce(s.first_us, t.first_us), coalesce(t.first_us, s.first_us)),
           max(coalesce(s.last_us, t.last_us), coalesce(t.last_us, s.last_us))
    FROM (SELECT min(started_us) AS first_us, max(last_us) AS last_us FROM sessions WHERE user_id = :id) s,
         (SELECT min(started_us) AS first_us, max(last_us) AS last_us FROM traces WHERE user_id = :id) t
"""
TRACE_END = """
    max(started_us + coalesce(duration_us, 0),
        coalesce((SELECT max(p.started_us + p.duration_us) FROM spans p WHERE p.trace_id = traces.id), 0))
"""
FIRST_INPUT = """
    SELECT p.started_us, p.input_preview FROM spans p JOIN traces t ON p.trace_id = t.id
    WHERE t.session_id = :id AND p.input_preview IS NOT NULL ORDER BY p.started_us, p.id LIMIT 1
"""
LAST_OUTPUT = """
    SELECT p.started_us, p.output_preview FROM spans p JOIN traces t ON p.trace_id = t.id
    WHERE t.session_id = :id AND p.output_preview IS NOT NULL ORDER BY p.started_us DESC, p.id DESC LIMIT 1
"""
_OF_OWNER = " AND (t.user_id IS NULL OR t.user_id = (SELECT user_id FROM sessions WHERE id = :id))"
_IS_EMPTY = "SELECT 1 FROM sessions WHERE id = ? AND traces = 0 AND event_first_us IS NULL"


def refresh_trace(connection: sqlite3.Connection, trace_id: int) -> None:
    """Look up the end of a trace's activity again."""
    connection.execute(f"UPDATE traces SET last_us = {TRACE_END} WHERE id = ?", (trace_id,))


def refresh_session(connection: sqlite3.Connection, session_id: int) -> int:
    """Look up times and previews again after traces left the session; delete it if nothing is left, and return 1."""
    if connection.execute(_IS_EMPTY, (session_id,)).fetchone():
        connection.execute("DELETE FROM sessions WHERE id = ?", (session_id,))
        connection.execute("DELETE FROM session_texts WHERE id = ?", (session_id,))
        connection.execute(
            "UPDATE annotations SET session_id = NULL, is_waiting = 1 WHERE session_id = ?", (session_id,)
        )
        return 1
    times = connection.execute(SESSION_TIMES, {"id": session_id}).fetchone()
    if times is None:
        return 0
    connection.execute("UPDATE sessions SET started_us = ?, last_us = ? WHERE id = ?", (*times, session_id))
    refresh_previews(connection, session_id)
    return 0


def refresh_previews(connection: sqlite3.Connection, session_id: int) -> None:
    """Look up the first input and the last output of a session again."""
    first = connection.execute(FIRST_INPUT, {"id": session_id}).fetchone() or (None, None)
    last = connection.execute(LAST_OUTPUT, {"id": session_id}).fetchone() or (None, None)
    connection.execute("INSERT OR IGNORE INTO session_texts (id) VALUES (?)", (session_id,))
    connection.execute(
        "UPDATE session_texts SET first_input_us = ?, first_input = ?, last_output_us = ?, last_output = ?"
        " WHERE id = ?",
        (*first, *last, session_id),
    )


def previews_of_owner(connection: sqlite3.Connection, session: str) -> tuple[str | None, str | None]:
    """Return the first input and the last output of a session, without traces of users other than its owner."""
    (session_id,) = connection.execute("SELECT id FROM sessions WHERE identifier = ?", (session,)).fetchone()
    queries = (query.replace(" ORDER BY", f"{_OF_OWNER} ORDER BY") for query in (FIRST_INPUT, LAST_OUTPUT))
    (_, first), (_, last) = (
        connection.execute(query, {"id": session_id}).fetchone() or (None, None) for query in queries
    )
    return first, last


def refresh_user(connection: sqlite3.Connection, user_id: int) -> None:
    """Look up again when the user was first and last seen; delete a user of whom nothing is left."""
    gone = connection.execute("DELETE FROM users WHERE id = ? AND sessions = 0 AND traces = 0", (user_id,)).rowcount
    if not gone:
        times = connection.execute(USER_TIMES, {"id": user_id}).fetchone()
        connection.execute("UPDATE users SET first_us = ?, last_us = ? WHERE id = ?", (*times, user_id))
