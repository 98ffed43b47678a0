"""Counts of what became of every record: ``captured == stored + queued + dropped``, always."""

from __future__ import annotations

import msgspec


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of this process at one moment (see `baserun.stats`)."""

    captured: int
    """Records made so far: session events, traces, spans, annotations."""
    stored: int
    """Records that the store has committed."""
    queued: int
    """Records that wait to be written."""
    dropped: dict[str, int]
    """Lost records by reason: ``queue_full``, ``rejected``, ``unreadable``, ``shutdown``."""
    queued_bytes: int
    """Estimated size of the queue, in bytes."""

    @property
    def closed(self) -> bool:
        """Whether the counts add up; they do unless another thread is recording at this moment."""
        return self.captured == self.stored + self.queued + sum(self.dropped.values())
