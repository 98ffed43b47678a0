"""When the store is given time for its own work: filling the search index, removing what is too old."""

from __future__ import annotations

import time
from math import inf

PAUSE = 5.0
"""Seconds that a busy process lets pass in between: many small steps cost more than few big ones."""
MOST_RECORDS = 2_000
MOST_BYTES = 4_000_000
"""Not so many seconds where so much was written meanwhile: a search looks through it piece by piece."""
IDLE_PAUSE = 3600.0
"""Seconds after which an idle process looks whether something has become too old, where it should not be kept."""


class Upkeep:
    """Counts what was written since the last time. The first time is at once: an earlier process may have left work.

    Args:
        is_endless: Whether there may be something to do although nothing was written.
    """

    def __init__(self, *, is_endless: bool) -> None:
        self._idle_pause = IDLE_PAUSE if is_endless else inf
        self._due_at = inf
        self._was_done = False
        self._records = 0
        self._bytes = 0

    def written(self, records: int, size: int) -> None:
        """So many records of `size` bytes together were written."""
        self._records += records
        self._bytes += size
        if not self._was_done or self.is_much:
            self._due_at = -inf
        else:
            self._due_at = min(self._due_at, time.monotonic() + PAUSE)

    @property
    def is_much(self) -> bool:
        """Whether so much was written that a search would not look through all of it."""
        return self._records >= MOST_RECORDS or self._bytes >= MOST_BYTES

    @property
    def is_due(self) -> bool:
        return self._due_at <= time.monotonic()

    @property
    def pause(self) -> float | None:
        """Seconds until it is due; None where nothing is to be waited for."""
        return None if self._due_at == inf else max(0.0, self._due_at - time.monotonic())

    def done(self) -> None:
        """Everything that was to be done is."""
        self._was_done = True
        self._records = self._bytes = 0
        self._due_at = time.monotonic() + self._idle_pause

    def put_off(self) -> None:
        """It could not be done now: what waits for it goes on waiting, also where nothing more is written."""
        self._due_at = time.monotonic() + PAUSE
