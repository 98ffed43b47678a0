"""Reading sessions and users."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from baserun.store.results import StoredAnnotation, StoredSession, StoredTrace, StoredUser
from baserun.store.sqlite._convert import dollars, json_dict, time, time_or_none
from baserun.store.sqlite._read_annotations import annotations_of_session
from baserun.store.sqlite._read_traces import traces_of_session
from baserun.store.sqlite._rollups import known, mean

LONGEST_CHAIN = 100

_ENDED_US = "CASE WHEN closed_us >= coalesce(opened_us, 0) THEN closed_us END"
SESSION_COLUMNS = (
    f"s.identifier, u.identifier, s.started_us, s.last_us, {_ENDED_US}, previous, metadata, first_input, last_output,"
    " s.traces, s.turns, s.llm_calls, s.errors, s.input_tokens, s.input_known, s.output_tokens, s.output_known,"
    " s.cost_nano, s.cost_known, s.unpriced, s.feedback_sum, s.feedback_count"
)
SESSION_JOINS = "LEFT JOIN users u ON u.id = s.user_id LEFT JOIN session_texts x ON x.id = s.id"
USER_COLUMNS = (
    "u.identifier, u.first_us, u.last_us, u.sessions, u.traces, u.llm_calls, u.errors, u.input_tokens, u.input_known,"
    " u.output_tokens, u.output_known, u.cost_nano, u.cost_known, u.unpriced, u.feedback_sum, u.feedback_count"
)
_ONE_SESSION = f"FROM sessions s {SESSION_JOINS} WHERE s.identifier = ?"


def session(connection: sqlite3.Connection, identifier: str) -> StoredSession | None:
    """Return a session with its traces and annotations; None if there is none."""
    found = connection.execute(f"SELECT s.id, {SESSION_COLUMNS} {_ONE_SESSION}", (identifier,)).fetchone()
    if found is None:
        return None
    row_id, *row = found
    traces = traces_of_session(connection, row_id)
    return session_result(row, traces, annotations_of_session(connection, row_id))


def chain(connection: sqlite3.Connection, identifier: str) -> list[StoredSession]:
    """Return the sessions linked with this one by `previous`, `LONGEST_CHAIN` at the most, without their traces."""
    query = f"SELECT {SESSION_COLUMNS} {_ONE_SESSION}"
    found: dict[str, StoredSession] = {}
    waiting = [identifier]
    while waiting and len(found) < LONGEST_CHAIN:
        name = waiting.pop()
        row = None if name in found else connection.execute(query, (name,)).fetchone()
        if row is None:
            continue
        found[name] = each = session_result(row)
        if each.previous_id is not None:
            waiting.append(each.previous_id)
        later = connection.execute("SELECT identifier FROM sessions WHERE previous = ?", (name,))
        waiting += [after for (after,) in later]
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
    row: Sequence[Any], traces: list[StoredTrace] | None = None, annotations: list[StoredAnnotation] | None = None
) -> StoredSession:
    """Make a result of a row of `SESSION_COLUMNS`."""
    (
        identifier, user_identifier, started_us, last_us, ended_us, previous, metadata, first_input, last_output,
        trace_count, turns, llm_calls, errors, input_tokens, input_known, output_tokens, output_known,
        cost_nano, cost_known, unpriced, feedback_sum, feedback_count,
    ) = row  # fmt: skip
    return StoredSession(
        id=identifier,
        user_identifier=user_identifier,
        started_at=time(started_us),
        last_active_at=time(last_us),
        ended_at=time_or_none(ended_us),
        previous_id=previous,
        metadata=json_dict(metadata),
        first_input=first_input,
        last_output=last_output,
        traces=trace_count if traces is None else traces,
        turns=turns,
        llm_calls=llm_calls,
        errors=errors,
        input_tokens=known(input_tokens, input_known),
        output_tokens=known(output_tokens, output_known),
        cost_usd=dollars(known(cost_nano, cost_known)),
        unpriced_calls=unpriced,
        feedback_score=mean(feedback_sum, feedback_count),
        annotations=annotations,
    )


def user_result(row: Sequence[Any]) -> StoredUser:
    """Make a result of a row of `USER_COLUMNS`."""
    (
        identifier, first_us, last_us, sessions, traces, llm_calls, errors, input_tokens, input_known,
        output_tokens, output_known, cost_nano, cost_known, unpriced, feedback_sum, feedback_count,
    ) = row  # fmt: skip
    return StoredUser(
        user_identifier=identifier,
        first_seen_at=time(first_us),
        last_seen_at=time(last_us),
        sessions=sessions,
        traces=traces,
        llm_calls=llm_calls,
        errors=errors,
        input_tokens=known(input_tokens, input_known),
        output_tokens=known(output_tokens, output_known),
        cost_usd=dollars(known(cost_nano, cost_known)),
        unpriced_calls=unpriced,
        feedback_score=mean(feedback_sum, feedback_count),
    )
