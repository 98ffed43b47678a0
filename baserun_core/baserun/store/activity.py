"""Activity in a period, in buckets of equal length: the values of charts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from baserun.store.results import Result


class ActivityBucket(Result, frozen=True, kw_only=True):
    """The traces that started in one bucket of the period, with all that happened in them later.

    Latencies are those of traces with a call: of a sample if there are many, and within an eighth of the true value if
    whole hours were queried. Feedback counts in the bucket in which its session was last active.
    """

    started_at: datetime
    ended_at: datetime
    sessions: int
    """Sessions that started in this bucket, so that buckets add up."""
    users: int
    """Distinct users with a trace that started in this bucket; a returning user counts in several buckets."""
    traces: int
    llm_calls: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    unpriced_calls: int
    """Calls of any kind whose cost is unknown: `cost_usd` leaves them out."""
    feedback_positive: int
    feedback_negative: int
    latency_p50_ms: float | None
    latency_p95_ms: float | None


class BusyUser(Result, frozen=True, kw_only=True):
    """The activity of one user in the period."""

    user_identifier: str
    traces: int
    llm_calls: int
    errors: int
    cost_usd: Decimal | None
    unpriced_calls: int
    """Calls of any kind whose cost is unknown: `cost_usd` leaves them out."""


class BusyModel(Result, frozen=True, kw_only=True):
    """The calls to one model, by the name in the request."""

    model: str
    calls: int
    errors: int
    cost_usd: Decimal | None
    unpriced_calls: int
    """Calls of unknown cost: `cost_usd` leaves them out."""


class Activity(Result, frozen=True, kw_only=True):
    """The activity of a period: in total, in buckets, and of the busiest users and models."""

    total: ActivityBucket
    buckets: list[ActivityBucket]
    users: list[BusyUser]
    models: list[BusyModel]
