"""What happened in a stretch of time, in pieces of equal length: the values behind charts."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from baserun.store.results import Result


class ActivityBucket(Result, frozen=True, kw_only=True):
    """The traces that started in one piece of the time; latencies are those of traces with a call."""

    started_at: datetime
    ended_at: datetime
    sessions: int
    users: int
    traces: int
    llm_calls: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
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


class BusyModel(Result, frozen=True, kw_only=True):
    """The traces in which one model was asked."""

    model: str
    traces: int
    errors: int


class Activity(Result, frozen=True, kw_only=True):
    """A stretch of time: as a whole, in pieces, and who and what was busiest in it."""

    total: ActivityBucket
    buckets: list[ActivityBucket]
    users: list[BusyUser]
    models: list[BusyModel]
