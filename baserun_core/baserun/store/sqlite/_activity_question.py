"""A stretch of time that somebody asks about, and its pieces."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from baserun.store.sqlite._hours import HOUR_US

MEDIAN, SLOWEST = 0.5, 0.95
Latencies = tuple[int | None, int | None]
"""Microseconds that half of the traces, and that 95 % of them, were below."""
UNKNOWN: Latencies = (None, None)


class Question(msgspec.Struct, frozen=True):
    """A stretch of time with checked ends."""

    since_us: int
    until_us: int
    width_us: int
    user: str | None
    busiest: int

    @property
    def is_in_hours(self) -> bool:
        """Whether everybody is meant, and each piece begins and ends with an hour."""
        return self.user is None and not any(at % HOUR_US for at in (self.since_us, self.until_us, self.width_us))

    def pieces(self) -> Iterator[tuple[int, int]]:
        """When each begins and ends."""
        for start in range(self.since_us, self.until_us, self.width_us):
            yield start, min(start + self.width_us, self.until_us)


def owned_by(user: str | None) -> tuple[str, tuple[str, ...]]:
    """A condition, with its values, for what is of this user; without a user it is none."""
    return ("", ()) if user is None else ("user_id = (SELECT id FROM users WHERE identifier = ?) AND", (user,))
