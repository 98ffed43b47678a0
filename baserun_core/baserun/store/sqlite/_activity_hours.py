"""Activity in whole hours, from their roll-ups.

Users are counted once in each bucket, whatever its length. Latencies are interpolated from a histogram with eight
classes to each power of two, as if the traces of a class were spread evenly in it.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from baserun.store.sqlite._activity_question import MEDIAN, OTHER_SUMS, SLOWEST, Latencies, Question, Sums
from baserun.store.sqlite._hours import HOUR_US, least_us
from baserun.store.sqlite._sql import placeholders

_TIME = "hour >= ? AND hour < ?"


class OfHours:
    """Activity from the tables of hours."""

    def __init__(self, connection: sqlite3.Connection, asked: Question) -> None:
        self._connection = connection
        self._whole = (asked.since_us // HOUR_US, asked.until_us // HOUR_US)

    def user_count(self, start_us: int, end_us: int) -> int:
        """Return the number of users with a trace that started in this period."""
        query = f"SELECT count(DISTINCT user_id) FROM user_hours WHERE {_TIME}"
        return int(self._connection.execute(query, (start_us // HOUR_US, end_us // HOUR_US)).fetchone()[0])

    def sums(self, start_us: int, end_us: int) -> Sums:
        """Return the sums over the traces that started in this period."""
        query = f"SELECT coalesce(sum(traces), 0), {OTHER_SUMS} FROM hours WHERE {_TIME}"
        return Sums(*self._connection.execute(query, (start_us // HOUR_US, end_us // HOUR_US)).fetchone())

    def latencies(self, pieces: Sequence[tuple[int, int]]) -> list[Latencies]:
        """Return the median and 95th percentile of the traces with a call: of each bucket, then of all together."""
        query = f"SELECT latency, sum(traces) FROM latency_hours WHERE {_TIME} GROUP BY latency"
        found, everything = [], Counter[int]()
        for start_us, end_us in pieces:
            counts = dict(self._connection.execute(query, (start_us // HOUR_US, end_us // HOUR_US)).fetchall())
            found.append((below(counts, MEDIAN), below(counts, SLOWEST)))
            everything.update(counts)
        return [*found, (below(everything, MEDIAN), below(everything, SLOWEST))]

    def users(self, most: int) -> tuple[int, Sequence[Sequence[Any]]]:
        """Return the number of users, and the busiest; the other sums are read for these only."""
        busiest = self._connection.execute(
            f"SELECT user_id, sum(traces) AS traces, count(*) OVER () FROM user_hours WHERE {_TIME}"
            " GROUP BY user_id ORDER BY traces DESC, user_id LIMIT ?",
            (*self._whole, max(most, 1)),
        ).fetchall()
        if not busiest:
            return 0, []
        _, _, user_count = busiest[0]
        named = [user_id for user_id, _, _ in busiest[:most]]
        query = (
            "SELECT u.identifier, sum(h.traces) AS traces, sum(h.llm_calls), sum(h.errors), sum(h.cost_nano),"
            f" sum(h.cost_known), sum(h.unpriced) FROM user_hours h JOIN users u ON u.id = h.user_id WHERE {_TIME}"
            f" AND h.user_id IN ({placeholders(len(named))}) GROUP BY h.user_id ORDER BY traces DESC, h.user_id"
        )
        return user_count, self._connection.execute(query, (*self._whole, *named)).fetchall()

    def models(self, most: int) -> Sequence[Sequence[Any]]:
        """Return the models with the most calls."""
        return self._connection.execute(
            "SELECT iif(o.requested <> '', o.requested, o.answered) AS model, sum(h.calls) AS calls, sum(h.errors),"
            " sum(h.cost_nano), sum(h.cost_known) FROM model_hours h JOIN models o ON o.id = h.model_id"
            f" WHERE {_TIME} GROUP BY model ORDER BY calls DESC, model LIMIT ?",
            (*self._whole, most),
        ).fetchall()


def below(counts: dict[int, int], part: float) -> int | None:
    """Return the quantile `part` of durations that are counted by latency class."""
    rank = math.ceil(part * sum(counts.values()))
    for latency, number in sorted(counts.items()):
        if rank <= number:
            least, most = least_us(latency), least_us(latency + 1)
            return round(least + (most - least) * (rank - 0.5) / number)
        rank -= number
    return None
