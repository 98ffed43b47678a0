"""What became of every record: ``captured = stored + dropped + queued``, always."""

from __future__ import annotations

import msgspec


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger of this process at one moment (see `baserun.stats`)."""

    captured: int
    """Records that were handed over: session events, traces, spans, annotations."""
    stored: int
    """Records that the store has committed."""
    queued: int
    """Records on their way."""
    dropped: dict[str, int]
    """Records that were given up, by reason: ``queue_full``, ``rejected``, ``unreadable``, ``shutdown``."""
    queued_bytes: int
    """What the queue is taken to hold, in bytes."""

    @property
    def closed(self) -> bool:
        """Whether the ledger balances; it always does when nothing is being recorded at this very moment."""
        return self.captured == self.stored + self.queued + sum(self.dropped.values())
