"""A query for the activity of a period, and its buckets."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from baserun.store.sqlite._hours import HOUR_US

MEDIAN, SLOWEST = 0.5, 0.95
Latencies = tuple[int | None, int | None]
"""Median and 95th percentile, in microseconds."""
UNKNOWN: Latencies = (None, None)


class Sums(msgspec.Struct, frozen=True):
    """Sums over traces, with the number of calls whose tokens or cost are known."""

    traces: int = 0
    llm_calls: int = 0
    errors: int = 0
    input_tokens: int = 0
    input_known: int = 0
    output_tokens: int = 0
    output_known: int = 0
    cost_nano: int = 0
    cost_known: int = 0
    unpriced: int = 0


OTHER_SUMS = ", ".join(f"coalesce(sum({column}), 0)" for column in Sums.__struct_fields__[1:])
"""The SQL of all sums after `traces`; `hours` and `traces` have the same columns for them."""


class Question(msgspec.Struct, frozen=True):
    """The checked arguments of a query for activity."""

    since_us: int
    until_us: int
    width_us: int
    user: str | None
    busiest: int

    @property
    def is_in_hours(self) -> bool:
        """Whether it is for all users, and each bucket begins and ends with a whole hour."""
        return self.user is None and not any(at % HOUR_US for at in (self.since_us, self.until_us, self.width_us))

    def pieces(self) -> Iterator[tuple[int, int]]:
        """Iterate over the start and end of each bucket."""
        for start in range(self.since_us, self.until_us, self.width_us):
            yield start, min(start + self.width_us, self.until_us)


def owned_by(user: str | None) -> tuple[str, tuple[str, ...]]:
    """Return a condition for rows of this user, with its values; without a user an empty one."""
    return ("", ()) if user is None else ("user_id = (SELECT id FROM users WHERE identifier = ?) AND", (user,))
