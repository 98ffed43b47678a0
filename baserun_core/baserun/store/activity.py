"""What happened in a stretch of time, in pieces of equal length: the values behind charts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from baserun.store.results import Result


class ActivityBucket(Result, frozen=True, kw_only=True):
    """The traces that started in one piece of the time, with all that happened in them later.

    Latencies are those of traces with a call: of a sample where there are many, and within an eighth of the true value
    where whole hours were asked for. Feedback counts where its session was last active.
    """

    started_at: datetime
    ended_at: datetime
    sessions: int
    """Those that started in this piece, so that pieces add up."""
    users: int
    """Those of whom a trace started in this piece, each once: whoever comes back is in several pieces."""
    traces: int
    llm_calls: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    unpriced_calls: int
    """LLM calls of unknown cost, which `cost_usd` leaves out."""
    feedback_positive: int
    feedback_negative: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class BusyUser(Result, frozen=True, kw_only=True):
    """What one user did in the time."""

    user_identifier: str
    traces: int
    llm_calls: int
    errors: int
    cost_usd: Decimal | None
    unpriced_calls: int
    """LLM calls of unknown cost, which `cost_usd` leaves out."""


class BusyModel(Result, frozen=True, kw_only=True):
    """The calls to one model; its name as it was asked for."""

    model: str
    calls: int
    errors: int
    cost_usd: Decimal | None
    unpriced_calls: int
    """Calls of unknown cost, which `cost_usd` leaves out."""


class Activity(Result, frozen=True, kw_only=True):
    """A stretch of time: as a whole, in pieces, and who and what was busiest in it."""

    total: ActivityBucket
    buckets: list[ActivityBucket]
    users: list[BusyUser]
    models: list[BusyModel]
