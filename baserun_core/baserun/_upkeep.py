"""When the store is to do its maintenance: filling the search index, and removing old records."""

from __future__ import annotations

import time
from math import inf

PAUSE = 5.0
"""Seconds from a write to the maintenance after it: many small steps cost more than few big ones."""
MOST_RECORDS = 2_000
MOST_BYTES = 4_000_000
"""Records or bytes written since, from which maintenance is due at once: searches scan what is not indexed."""
IDLE_PAUSE = 3600.0
"""Seconds between two checks of an idle process for records past their retention, if there is one."""


class Upkeep:
    """Counts what was written since the last maintenance. The first is due at the first write: work may be left over.

    Args:
        is_endless: Whether maintenance may be needed although nothing was written.
    """

    def __init__(self, *, is_endless: bool) -> None:
        self._idle_pause = IDLE_PAUSE if is_endless else inf
        self._due_at = inf
        self._was_done = False
        self._records = 0
        self._bytes = 0

    def written(self, records: int, size: int) -> None:
        """Count `records` written records, `size` bytes together."""
        self._records += records
        self._bytes += size
        if not self._was_done or self.is_overdue:
            self._due_at = -inf
        else:
            self._due_at = min(self._due_at, time.monotonic() + PAUSE)

    @property
    def is_overdue(self) -> bool:
        """Whether `MOST_RECORDS` or `MOST_BYTES` is reached."""
        return self._records >= MOST_RECORDS or self._bytes >= MOST_BYTES

    @property
    def is_due(self) -> bool:
        return self._due_at <= time.monotonic()

    @property
    def pause(self) -> float | None:
        """Seconds until maintenance is due; None if none is."""
        return None if self._due_at == inf else max(0.0, self._due_at - time.monotonic())

    def done(self) -> None:
        """Note that maintenance is complete."""
        self._was_done = True
        self._records = self._bytes = 0
        self._due_at = time.monotonic() + self._idle_pause

    def put_off(self) -> None:
        """Note that the store was unavailable: try again after `PAUSE`, even if nothing more is written."""
        self._due_at = time.monotonic() + PAUSE
