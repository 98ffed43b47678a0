"""The seam between Baserun and an engine that keeps its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from baserun.store.rows import Row


class Sink(Protocol):
    """Where the writer puts rows. Used by one thread at a time; opened when first needed."""

    def write(self, rows: Sequence[Row], *, timeout: float | None = None) -> None:
        """Store all of `rows` durably, or none of them.

        Writing rows that are already there changes nothing, so a batch whose outcome is unknown may be written again.

        Args:
            rows: In the order in which they happened.
            timeout: Seconds to wait for other writers; None waits until it is this writer's turn.

        Raises:
            StoreUnavailableError: Not now (locked, full, read-only, unreadable, newer than this code); try again later.
            RowRejectedError: One of these rows can never be stored; the others can.
        """

    def count_dropped(self, counts: dict[str, int]) -> None:
        """Add to the store's own ledger what this process had to drop, by reason. Same errors as `write`."""

    def maintain(self) -> bool:
        """Do a bounded piece of work off the write path (search index, retention); True when more is waiting."""

    def close(self) -> None:
        """Release what the sink holds."""

    def forget(self) -> None:
        """In the child of a fork: let go of the parent's handles without touching what they refer to."""
