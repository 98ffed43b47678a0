"""What happened in a stretch of time: sums, latencies, and who and what was busiest.

Everything is read along the index on the start of traces, so that the time asked for decides what it costs, not the
size of the store. Latencies come from a sample of the rows, evenly taken, where there are many.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from baserun.exceptions import ConfigurationError
from baserun.store.activity import Activity, ActivityBucket, BusyModel, BusyUser
from baserun.store.sqlite import _checks
from baserun.store.sqlite._convert import dollars, milliseconds, now_us, time
from baserun.store.sqlite._rollups import known

MOST_BUCKETS = 200
BUSIEST = 10
SAMPLED = 20_000
"""Traces whose latency is looked at."""
MEDIAN, SLOWEST = 0.5, 0.95

_SUMS = (
    "count(DISTINCT t.session_id), count(DISTINCT t.user_id), count(*), sum(t.llm_calls), sum(t.errors),"
    " sum(t.input_tokens), sum(t.input_known), sum(t.output_tokens), sum(t.output_known), sum(t.cost_nano),"
    " sum(t.cost_known)"
)
_NOTHING = (0,) * 11
_NO_FEEDBACK = (0, 0)


class Question(msgspec.Struct, frozen=True):
    """A stretch of time with checked ends."""

    since_us: int
    until_us: int
    width_us: int
    user: str | None


def question(since: object, until: object, buckets: object, user: object) -> Question:
    """Check what is asked."""
    since_us = _checks.when("since", since)
    until_us = now_us() if until is None else _checks.when("until", until)
    if since_us >= until_us:
        raise ConfigurationError(f"since={since!r} is not before until={until!r}. Write the earlier time as since.")
    if isinstance(buckets, bool) or not isinstance(buckets, int) or not 1 <= buckets <= MOST_BUCKETS:
        raise ConfigurationError(f"buckets={buckets!r} is not possible. Write a whole number from 1 to {MOST_BUCKETS}.")
    width = -(-(until_us - since_us) // buckets)
    return Question(since_us, until_us, width, None if user is None else _checks.text("user", user))


def activity(connection: sqlite3.Connection, asked: Question) -> Activity:
    """Answer it."""
    where, values = _where(asked)
    latencies = _latencies(connection, asked, where, values)
    feedback = _feedback(connection, asked)
    rows = connection.execute(
        f"SELECT (t.started_us - ?) / ?, {_SUMS} FROM traces t WHERE {where} GROUP BY 1",
        (asked.since_us, asked.width_us, *values),
    )
    sums = {number: row for number, *row in rows}
    is_one = asked.since_us + asked.width_us >= asked.until_us
    whole = (
        sums.get(0, _NOTHING)
        if is_one
        else connection.execute(f"SELECT {_SUMS} FROM traces t WHERE {where}", values).fetchone()
    )
    everything = sorted(each for some in latencies.values() for each in some)
    return Activity(
        total=_bucket(asked.since_us, asked.until_us, whole, _sum(feedback.values()), everything),
        buckets=[
            _bucket(
                start,
                min(start + asked.width_us, asked.until_us),
                sums.get(number, _NOTHING),
                feedback.get(number, _NO_FEEDBACK),
                latencies.get(number, ()),
            )
            for number, start in enumerate(range(asked.since_us, asked.until_us, asked.width_us))
        ],
        users=_users(connection, where, values),
        models=_models(connection, where, values),
    )


def nothing(asked: Question) -> Activity:
    """The answer of a store that is empty."""
    return Activity(
        total=_bucket(asked.since_us, asked.until_us, _NOTHING, _NO_FEEDBACK, ()),
        buckets=[
            _bucket(start, min(start + asked.width_us, asked.until_us), _NOTHING, _NO_FEEDBACK, ())
            for start in range(asked.since_us, asked.until_us, asked.width_us)
        ],
        users=[],
        models=[],
    )


def _where(asked: Question) -> tuple[str, tuple[Any, ...]]:
    stretch = "t.started_us >= ? AND t.started_us < ?"
    if asked.user is None:
        return stretch, (asked.since_us, asked.until_us)
    return f"t.user_id = (SELECT id FROM users WHERE identifier = ?) AND {stretch}", (
        asked.user, asked.since_us, asked.until_us,
    )  # fmt: skip


def _latencies(
    connection: sqlite3.Connection, asked: Question, where: str, values: tuple[Any, ...]
) -> dict[int, list[int]]:
    """Sorted durations by bucket."""
    (traces,) = connection.execute(f"SELECT count(*) FROM traces t WHERE {where}", values).fetchone()
    every = max(1, -(-traces // SAMPLED))
    rows = connection.execute(
        f"SELECT (t.started_us - ?) / ?, t.duration_us FROM traces t WHERE {where} AND t.id % ? = 0"
        " AND t.duration_us IS NOT NULL AND t.llm_calls > 0 ORDER BY t.duration_us",
        (asked.since_us, asked.width_us, *values, every),
    )
    found: dict[int, list[int]] = {}
    for number, duration in rows:
        found.setdefault(number, []).append(duration)
    return found


def _feedback(connection: sqlite3.Connection, asked: Question) -> dict[int, tuple[int, int]]:
    """Good and bad by bucket: of sessions by when they were last active, of traces without a session by their start."""
    owner = "" if asked.user is None else " AND user_id = (SELECT id FROM users WHERE identifier = ?)"
    values = (
        asked.since_us,
        asked.width_us,
        asked.since_us,
        asked.until_us,
        *([] if asked.user is None else [asked.user]),
    )
    query = (
        "SELECT ({0} - ?) / ?, sum(feedback_positive), sum(feedback_negative) FROM {1}"
        " WHERE feedback_count > 0 AND {0} >= ? AND {0} < ?" + owner + " GROUP BY 1"
    )
    found: dict[int, tuple[int, int]] = {}
    for place in (("last_us", "sessions"), ("started_us", "(SELECT * FROM traces WHERE session_id IS NULL)")):
        for number, good, bad in connection.execute(query.format(*place), values):
            found[number] = _sum([found.get(number, _NO_FEEDBACK), (good, bad)])
    return found


def _sum(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    good = bad = 0
    for each in pairs:
        good, bad = good + each[0], bad + each[1]
    return good, bad


def _bucket(
    start: int, end: int, row: Sequence[Any], feedback: tuple[int, int], durations: Sequence[int]
) -> ActivityBucket:
    amounts = [value or 0 for value in row]
    return ActivityBucket(
        started_at=time(start),
        ended_at=time(end),
        sessions=amounts[0],
        users=amounts[1],
        traces=amounts[2],
        llm_calls=amounts[3],
        errors=amounts[4],
        input_tokens=known(amounts[5], amounts[6]),
        output_tokens=known(amounts[7], amounts[8]),
        cost_usd=dollars(known(amounts[9], amounts[10])),
        feedback_positive=feedback[0],
        feedback_negative=feedback[1],
        latency_p50_ms=milliseconds(_at(durations, MEDIAN)),
        latency_p95_ms=milliseconds(_at(durations, SLOWEST)),
    )


def _at(ordered: Sequence[int], part: float) -> int | None:
    """The value below which `part` of them lie, by the nearest rank."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else None


def _users(connection: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[BusyUser]:
    rows = connection.execute(
        "SELECT u.identifier, busy.* FROM (SELECT t.user_id AS who, count(*) AS traces, sum(t.llm_calls) AS calls,"
        f" sum(t.errors), sum(t.cost_nano), sum(t.cost_known) FROM traces t WHERE {where} AND t.user_id IS NOT NULL"
        " GROUP BY t.user_id ORDER BY traces DESC, t.user_id LIMIT ?) busy JOIN users u ON u.id = busy.who",
        (*values, BUSIEST),
    )
    found = [
        BusyUser(
            user_identifier=name, traces=traces, llm_calls=calls, errors=errors, cost_usd=dollars(known(cost, priced))
        )
        for name, _, traces, calls, errors, cost, priced in rows
    ]
    return sorted(found, key=lambda each: -each.traces)


def _models(connection: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[BusyModel]:
    """Row ids grow with time, so that the links of a model to its traces are read from the first trace on."""
    (first,) = connection.execute(f"SELECT min(t.id) FROM traces t WHERE {where}", values).fetchone()
    if first is None:
        return []
    rows = connection.execute(
        "SELECT iif(o.requested <> '', o.requested, o.answered) AS model, count(*) AS traces, sum(t.errors)"
        " FROM models o CROSS JOIN trace_models m ON m.model_id = o.id AND m.trace_id >= ?"
        f" CROSS JOIN traces t ON t.id = m.trace_id WHERE {where} GROUP BY model ORDER BY traces DESC, model LIMIT ?",
        (first, *values, BUSIEST),
    )
    return [BusyModel(model=model, traces=traces, errors=errors) for model, traces, errors in rows]
