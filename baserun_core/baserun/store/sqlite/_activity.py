"""Activity of a period: sums, latencies, and the busiest users and models.

Whole hours of all users are read from the roll-ups of hours, so that months cost as little as a day. Any other period,
and that of one user, is read from the traces, along the index on their start or their user: its cost depends on the
traces in it, not on the size of the store.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from baserun.exceptions import ConfigurationError
from baserun.store.activity import Activity, ActivityBucket, BusyModel, BusyUser
from baserun.store.sqlite import _checks
from baserun.store.sqlite._activity_hours import OfHours
from baserun.store.sqlite._activity_question import UNKNOWN, Latencies, Question, Sums, owned_by
from baserun.store.sqlite._activity_traces import OfTraces
from baserun.store.sqlite._convert import dollars, milliseconds, now_us, time
from baserun.store.sqlite._rollups import known

MOST_BUCKETS, MOST_BUSIEST = 200, 100
_NO_FEEDBACK = (0, 0)


class Source(Protocol):
    """Where the values come from: the hours, or the traces."""

    def user_count(self, start_us: int, end_us: int) -> int:
        """Return the number of users with a trace that started in this period."""

    def sums(self, start_us: int, end_us: int) -> Sums:
        """Return the sums over the traces that started in this period."""

    def latencies(self, pieces: Sequence[tuple[int, int]]) -> list[Latencies]:
        """Return the median and 95th percentile of the traces with a call: of each bucket, then of all together."""

    def users(self, most: int) -> tuple[int, Iterable[Sequence[Any]]]:
        """Return the number of users, and the busiest: identifier, traces, LLM calls, errors, cost, priced
        calls, unpriced calls.
        """

    def models(self, most: int) -> Iterable[Sequence[Any]]:
        """Return the models with the most calls: model, calls, errors, cost, calls with a cost."""


def question(since: object, until: object, buckets: object, user: object, busiest: object) -> Question:
    """Check the arguments of a query for activity."""
    since_us = _checks.when("since", since)
    until_us = now_us() if until is None else _checks.when("until", until)
    if since_us >= until_us:
        raise ConfigurationError(f"since={since!r} is not before until={until!r}. Write the earlier time as since.")
    pieces = _checks.whole("buckets", buckets, 1, MOST_BUCKETS)
    width = -(-(until_us - since_us) // pieces)
    name = None if user is None else _checks.text("user", user)
    return Question(since_us, until_us, width, name, _checks.whole("busiest", busiest, 0, MOST_BUSIEST))


def activity(connection: sqlite3.Connection, asked: Question) -> Activity:
    """Run the query."""
    source: Source = OfHours(connection, asked) if asked.is_in_hours else OfTraces(connection, asked)
    pieces = list(asked.pieces())
    feedback = _feedback(connection, asked)
    *latencies, latency = source.latencies(pieces)
    sessions = [_sessions(connection, asked.user, *piece) for piece in pieces]
    everybody, users = source.users(asked.busiest)
    whole = (asked.since_us, asked.until_us)
    return Activity(
        total=_bucket(whole, sum(sessions), everybody, source.sums(*whole), _sum(feedback.values()), latency),
        buckets=[
            _bucket(
                piece,
                sessions[number],
                source.user_count(*piece),
                source.sums(*piece),
                feedback.get(number, _NO_FEEDBACK),
                latencies[number],
            )
            for number, piece in enumerate(pieces)
        ],
        users=[_user(*row) for row in users],
        models=[_model(*row) for row in source.models(asked.busiest)],
    )


def nothing(asked: Question) -> Activity:
    """Return the activity of an empty store."""

    def empty(start_us: int, end_us: int) -> ActivityBucket:
        return _bucket((start_us, end_us), 0, 0, Sums(), _NO_FEEDBACK, UNKNOWN)

    buckets = [empty(*piece) for piece in asked.pieces()]
    return Activity(total=empty(asked.since_us, asked.until_us), buckets=buckets, users=[], models=[])


def _sessions(connection: sqlite3.Connection, user: str | None, start_us: int, end_us: int) -> int:
    """Count the sessions that started in a period, so that the counts of buckets add up to the total."""
    owner, values = owned_by(user)
    query = f"SELECT count(*) FROM sessions WHERE {owner} started_us >= ? AND started_us < ?"
    return int(connection.execute(query, (*values, start_us, end_us)).fetchone()[0])


def _feedback(connection: sqlite3.Connection, asked: Question) -> dict[int, tuple[int, int]]:
    """Return positive and negative feedback by bucket.

    Feedback counts where its session was last active, or, without a session, where its trace started.
    """
    owner, values = owned_by(asked.user)
    query = (
        "SELECT ({0} - ?) / ?, sum(feedback_positive), sum(feedback_negative) FROM {1}"
        " WHERE " + owner + " feedback_count > 0 AND {0} >= ? AND {0} < ? GROUP BY 1"
    )
    bounds = (asked.since_us, asked.width_us, *values, asked.since_us, asked.until_us)
    found: dict[int, tuple[int, int]] = {}
    for place in (("last_us", "sessions"), ("started_us", "(SELECT * FROM traces WHERE session_id IS NULL)")):
        for number, good, bad in connection.execute(query.format(*place), bounds):
            found[number] = _sum([found.get(number, _NO_FEEDBACK), (good, bad)])
    return found


def _sum(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    positive = negative = 0
    for good, bad in pairs:
        positive += good
        negative += bad
    return positive, negative


def _bucket(
    piece: tuple[int, int],
    sessions: int,
    users: int,
    sums: Sums,
    feedback: tuple[int, int],
    latency: Latencies,
) -> ActivityBucket:
    start_us, end_us = piece
    positive, negative = feedback
    median, slowest = latency
    return ActivityBucket(
        started_at=time(start_us),
        ended_at=time(end_us),
        sessions=sessions,
        users=users,
        traces=sums.traces,
        llm_calls=sums.llm_calls,
        errors=sums.errors,
        input_tokens=known(sums.input_tokens, sums.input_known),
        output_tokens=known(sums.output_tokens, sums.output_known),
        cost_usd=dollars(known(sums.cost_nano, sums.cost_known)),
        unpriced_calls=sums.unpriced,
        feedback_positive=positive,
        feedback_negative=negative,
        latency_p50_ms=milliseconds(median),
        latency_p95_ms=milliseconds(slowest),
    )


def _user(name: str, traces: int, calls: int, errors: int, cost: int, priced: int, unpriced: int) -> BusyUser:
    return BusyUser(
        user_identifier=name,
        traces=traces,
        llm_calls=calls,
        errors=errors,
        cost_usd=dollars(known(cost, priced)),
        unpriced_calls=unpriced,
    )


def _model(name: str, calls: int, errors: int, cost: int | None, priced: int) -> BusyModel:
    cost_usd = dollars(known(cost or 0, priced))
    return BusyModel(model=name, calls=calls, errors=errors, cost_usd=cost_usd, unpriced_calls=calls - priced)
