"""Reading sessions and users."""

from __future__ import annotations

import sqlite3
from typing import Any

from baserun.store.results import StoredAnnotation, StoredSession, StoredTrace, StoredUser
from baserun.store.sqlite._convert import dollars, json_dict, time, time_or_none
from baserun.store.sqlite._read_annotations import annotations_of_session
from baserun.store.sqlite._read_traces import traces_of_session
from baserun.store.sqlite._rollups import known, mean

LONGEST_CHAIN = 100

_ENDED_US = "CASE WHEN closed_us >= coalesce(opened_us, 0) THEN closed_us END"
SESSION_COLUMNS = (
    f"s.id, s.identifier, u.identifier, s.started_us, s.last_us, {_ENDED_US}, previous, metadata, first_input,"
    " last_output, s.traces, s.turns, s.llm_calls, s.errors, s.input_tokens, s.input_known, s.output_tokens,"
    " s.output_known, s.cost_nano, s.cost_known, s.unpriced, s.feedback_sum, s.feedback_count"
)
SESSION_JOINS = "LEFT JOIN users u ON u.id = s.user_id LEFT JOIN session_texts x ON x.id = s.id"
USER_COLUMNS = (
    "u.id, u.identifier, u.first_us, u.last_us, u.sessions, u.traces, u.llm_calls, u.errors, u.input_tokens,"
    " u.input_known, u.output_tokens, u.output_known, u.cost_nano, u.cost_known, u.unpriced, u.feedback_sum,"
    " u.feedback_count"
)


def session(connection: sqlite3.Connection, identifier: str) -> StoredSession | None:
    """Return a session with its traces and annotations; None if there is none."""
    row = _session_row(connection, identifier)
    if row is None:
        return None
    traces = traces_of_session(connection, row[0])
    return session_result(row, traces, annotations_of_session(connection, row[0]))


def chain(connection: sqlite3.Connection, identifier: str) -> list[StoredSession]:
    """Return the sessions linked with this one by `previous`, `LONGEST_CHAIN` at the most, without their traces."""
    found: dict[str, StoredSession] = {}
    waiting = [identifier]
    while waiting and len(found) < LONGEST_CHAIN:
        row = _session_row(connection, waiting.pop())
        if row is None or row[1] in found:
            continue
        found[row[1]] = session_result(row)
        if row[6] is not None:
            waiting.append(row[6])
        later = connection.execute("SELECT identifier FROM sessions WHERE previous = ?", (row[1],))
        waiting += [each for (each,) in later]
    return sorted(found.values(), key=lambda each: (each.started_at, each.id))


def is_ended(connection: sqlite3.Connection, identifier: str) -> bool | None:
    """Whether a session has ended and was not started again since; None if there is no such session."""
    row = connection.execute(f"SELECT {_ENDED_US} FROM sessions WHERE identifier = ?", (identifier,)).fetchone()
    return None if row is None else row[0] is not None


def user(connection: sqlite3.Connection, identifier: str) -> StoredUser | None:
    """Return a user; None if there is none."""
    row = connection.execute(f"SELECT {USER_COLUMNS} FROM users u WHERE identifier = ?", (identifier,)).fetchone()
    return None if row is None else user_result(row)


def session_result(
    row: Any, traces: list[StoredTrace] | None = None, annotations: list[StoredAnnotation] | None = None
) -> StoredSession:
    """Make a result of a row of `SESSION_COLUMNS`."""
    return StoredSession(
        id=row[1],
        user_identifier=row[2],
        started_at=time(row[3]),
        last_active_at=time(row[4]),
        ended_at=time_or_none(row[5]),
        previous_id=row[6],
        metadata=json_dict(row[7]),
        first_input=row[8],
        last_output=row[9],
        traces=row[10] if traces is None else traces,
        turns=row[11],
        llm_calls=row[12],
        errors=row[13],
        input_tokens=known(row[14], row[15]),
        output_tokens=known(row[16], row[17]),
        cost_usd=dollars(known(row[18], row[19])),
        unpriced_calls=row[20],
        feedback_score=mean(row[21], row[22]),
        annotations=annotations,
    )


def user_result(row: Any) -> StoredUser:
    """Make a result of a row of `USER_COLUMNS`."""
    return StoredUser(
        user_identifier=row[1],
        first_seen_at=time(row[2]),
        last_seen_at=time(row[3]),
        sessions=row[4],
        traces=row[5],
        llm_calls=row[6],
        errors=row[7],
        input_tokens=known(row[8], row[9]),
        output_tokens=known(row[10], row[11]),
        cost_usd=dollars(known(row[12], row[13])),
        unpriced_calls=row[14],
        feedback_score=mean(row[15], row[16]),
    )


def _session_row(connection: sqlite3.Connection, identifier: str) -> Any:
    query = f"SELECT {SESSION_COLUMNS} FROM sessions s {SESSION_JOINS} WHERE s.identifier = ?"
    return connection.execute(query, (identifier,)).fetchone()
