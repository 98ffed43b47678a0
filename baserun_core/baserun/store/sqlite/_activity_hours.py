"""What happened in whole hours, from their roll-ups.

Users are counted once in each piece, whatever its length. A latency is that of its class of traces, of which each
differs from its neighbours by an eighth, and is placed in it as if its traces were spread evenly.
"""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from baserun.store.sqlite._activity_question import MEDIAN, SLOWEST, Latencies, Question
from baserun.store.sqlite._hours import HOUR_US, least_us

_TIME = "hour >= ? AND hour < ?"


class OfHours:
    """Answers from the tables of hours."""

    def __init__(self, connection: sqlite3.Connection, asked: Question) -> None:
        self._connection = connection
        self._whole = (asked.since_us // HOUR_US, asked.until_us // HOUR_US)

    def sums(self, start_us: int, end_us: int) -> Sequence[Any]:
        """How many users, then the sums over the traces that started in this time."""
        hours = (start_us // HOUR_US, end_us // HOUR_US)
        users = f"SELECT count(DISTINCT user_id) FROM user_hours WHERE {_TIME}"
        sums = (
            "SELECT sum(traces), sum(llm_calls), sum(errors), sum(input_tokens), sum(input_known), sum(output_tokens),"
            f" sum(output_known), sum(cost_nano), sum(cost_known) FROM hours WHERE {_TIME}"
        )
        return (*self._connection.execute(users, hours).fetchone(), *self._connection.execute(sums, hours).fetchone())

    def latencies(self, pieces: Sequence[tuple[int, int]]) -> list[Latencies]:
        """What half and what 95 % of the traces with a call were below: in each piece, and in all of them."""
        query = f"SELECT latency, sum(traces) FROM latency_hours WHERE {_TIME} GROUP BY latency"
        found, everything = [], Counter[int]()
        for start_us, end_us in pieces:
            counts = dict(self._connection.execute(query, (start_us // HOUR_US, end_us // HOUR_US)).fetchall())
            found.append((below(counts, MEDIAN), below(counts, SLOWEST)))
            everything.update(counts)
        return [*found, (below(everything, MEDIAN), below(everything, SLOWEST))]

    def users(self, most: int) -> Sequence[Sequence[Any]]:
        """Who was busiest."""
        return self._connection.execute(
            "SELECT u.identifier, busy.traces, calls, busy.errors, cost, known"
            " FROM (SELECT user_id, sum(traces) AS traces, sum(llm_calls) AS calls, sum(errors) AS errors,"
            " sum(cost_nano) AS cost, sum(cost_known) AS known"
            f" FROM user_hours WHERE {_TIME} GROUP BY user_id ORDER BY traces DESC, user_id LIMIT ?) busy"
            " JOIN users u ON u.id = busy.user_id ORDER BY busy.traces DESC, u.id",
            (*self._whole, most),
        ).fetchall()

    def models(self, most: int) -> Sequence[Sequence[Any]]:
        """What was asked most."""
        return self._connection.execute(
            "SELECT iif(o.requested <> '', o.requested, o.answered) AS model, sum(h.calls) AS calls, sum(h.errors),"
            " sum(h.cost_nano), sum(h.cost_known) FROM model_hours h JOIN models o ON o.id = h.model_id"
            f" WHERE {_TIME} GROUP BY model ORDER BY calls DESC, model LIMIT ?",
            (*self._whole, most),
        ).fetchall()


def below(counts: dict[int, int], part: float) -> int | None:
    """The duration that `part` of the traces were below, which are counted by their class."""
    rank = math.ceil(part * sum(counts.values()))
    for latency, number in sorted(counts.items()):
        if rank <= number:
            least, most = least_us(latency), least_us(latency + 1)
            return round(least + (most - least) * (rank - 0.5) / number)
        rank -= number
    return None
