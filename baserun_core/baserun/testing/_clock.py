"""A clock that stands still and ids that count up, so that a test can compare whole records."""

from __future__ import annotations

import itertools
import threading
from datetime import UTC, datetime, timedelta
from math import isfinite

from baserun.exceptions import ConfigurationError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class FakeClock:
    """A clock that moves only when told to.

    Args:
        start: The time at first; 2026-01-01 00:00 UTC if left out. Without a time zone it is in UTC.

    Raises:
        ConfigurationError: `start` is no datetime.
    """

    def __init__(self, start: datetime | None = None) -> None:
        begin = datetime(2026, 1, 1, tzinfo=UTC) if start is None else start
        if not isinstance(begin, datetime):
            raise ConfigurationError(f"FakeClock starts at a datetime, such as datetime(2026, 1, 1), not {start!r}")
        aware = begin if begin.tzinfo is not None else begin.replace(tzinfo=UTC)
        self._now_us = (aware - _EPOCH) // timedelta(microseconds=1)
        self._elapsed_ns = 0
        self._lock = threading.Lock()

    def advance(self, seconds: float) -> None:
        """Move the time on by `seconds`.

        Raises:
            ConfigurationError: `seconds` is no number.
        """
        _check_seconds(seconds)
        with self._lock:
            self._now_us += round(seconds * 1_000_000)
            self._elapsed_ns += round(seconds * 1_000_000_000)

    def set_back(self, seconds: float) -> None:
        """Set the wall clock back, as an administrator or a leap second would; durations are not affected.

        Raises:
            ConfigurationError: `seconds` is no number.
        """
        _check_seconds(seconds)
        with self._lock:
            self._now_us -= round(seconds * 1_000_000)

    def now_us(self) -> int:
        return self._now_us

    def monotonic_ns(self) -> int:
        return self._elapsed_ns


def _check_seconds(seconds: float) -> None:
    try:
        is_usable = isfinite(seconds)
    except (TypeError, ValueError, OverflowError):
        is_usable = False
    if not is_usable:
        raise ConfigurationError(f"a clock is moved by seconds, such as 1.5 or delta.total_seconds(), not {seconds!r}")


class CountingIds:
    """Ids that count from 1, each kind separately: the second span is ``0000000000000002``."""

    def __init__(self) -> None:
        self._sessions = itertools.count(1)
        self._traces = itertools.count(1)
        self._spans = itertools.count(1)
        self._annotations = itertools.count(1)

    def session(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._sessions):012d}"

    def trace(self) -> str:
        return f"{next(self._traces):032d}"

    def span(self) -> str:
        return f"{next(self._spans):016d}"

    def annotation(self) -> str:
        return f"{next(self._annotations):032d}"
