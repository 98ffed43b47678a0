"""Activity of any period, or of one user, from the traces themselves.

Where there are many traces, latencies come from an even sample of them.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from typing import Any

from baserun.store.sqlite._activity_question import MEDIAN, OTHER_SUMS, SLOWEST, Latencies, Question, Sums, owned_by

SAMPLED = 20_000
"""Traces at most whose latency is read."""


class OfTraces:
    """Activity along the index on the start of traces, or on their user."""

    def __init__(self, connection: sqlite3.Connection, asked: Question) -> None:
        self._connection = connection
        owner, self._owner = owned_by(asked.user)
        self._where = f"{owner} started_us >= ? AND started_us < ?"
        self._time = (asked.since_us, asked.until_us)
        self._whole = (*self._owner, *self._time)

    def user_count(self, start_us: int, end_us: int) -> int:
        """Return the number of users with a trace that started in this period."""
        query = f"SELECT count(DISTINCT user_id) FROM traces WHERE {self._where}"
        return int(self._connection.execute(query, (*self._owner, start_us, end_us)).fetchone()[0])

    def sums(self, start_us: int, end_us: int) -> Sums:
        """Return the sums over the traces that started in this period."""
        query = f"SELECT count(*), {OTHER_SUMS} FROM traces WHERE {self._where}"
        return Sums(*self._connection.execute(query, (*self._owner, start_us, end_us)).fetchone())

    def latencies(self, pieces: Sequence[tuple[int, int]]) -> list[Latencies]:
        """Return the median and 95th percentile of the traces with a call: of each bucket, then of all together."""
        count = f"SELECT count(*) FROM traces WHERE {self._where}"
        (traces,) = self._connection.execute(count, self._whole).fetchone()
        every = max(1, math.ceil(traces / SAMPLED))
        query = (
            f"SELECT duration_us FROM traces WHERE {self._where} AND id % ? = 0 AND duration_us IS NOT NULL"
            " AND llm_calls > 0 ORDER BY duration_us"
        )
        found, everything = [], []
        for piece in pieces:
            durations = [each for (each,) in self._connection.execute(query, (*self._owner, *piece, every))]
            found.append((below(durations, MEDIAN), below(durations, SLOWEST)))
            everything += durations
        everything.sort()
        return [*found, (below(everything, MEDIAN), below(everything, SLOWEST))]

    def users(self, most: int) -> tuple[int, Sequence[Sequence[Any]]]:
        """Return the number of users, and the busiest."""
        busiest = self._connection.execute(
            "SELECT u.identifier, busy.traces, calls, busy.errors, cost, known, busy.unpriced"
            " FROM (SELECT user_id, count(*) AS traces, sum(llm_calls) AS calls, sum(errors) AS errors,"
            " sum(cost_nano) AS cost, sum(cost_known) AS known, sum(unpriced) AS unpriced"
            f" FROM traces WHERE {self._where} AND user_id IS NOT NULL"
            " GROUP BY user_id ORDER BY traces DESC, user_id LIMIT ?) busy"
            " JOIN users u ON u.id = busy.user_id ORDER BY busy.traces DESC, u.id",
            (*self._whole, most),
        ).fetchall()
        return self.user_count(*self._time), busiest

    def models(self, most: int) -> Sequence[Sequence[Any]]:
        """Return the models with the most calls."""
        return self._connection.execute(
            "SELECT iif(coalesce(request_model, '') <> '', request_model, response_model) AS model, count(*) AS calls,"
            " sum(p.status = 'error'), sum(p.cost_nano), count(p.cost_nano)"
            f" FROM (SELECT id FROM traces WHERE {self._where}) t CROSS JOIN spans p ON p.trace_id = t.id"
            " WHERE p.is_call AND coalesce(request_model, response_model) IS NOT NULL"
            " GROUP BY model ORDER BY calls DESC, model LIMIT ?",
            (*self._whole, most),
        ).fetchall()


def below(ordered: Sequence[int], part: float) -> int | None:
    """Return the quantile `part` of sorted values, by the nearest rank."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else None
