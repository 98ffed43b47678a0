"""The overview: figures and charts of a period, compared with the period before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from baserun.cli._render._costs import brief_cost_of, left_out_of
from baserun.store import Activity, ActivityBucket, Store
from baserun_monitor import _filters, _formats
from baserun_monitor._charts import overview_charts
from baserun_monitor._exchange import Response, as_json
from baserun_monitor._site import Visit, in_time

DEFAULT_PERIOD = "24h"
TOO_LONG = "That took too long just now. Choose a shorter time, or try again when the machine has less to do."
_HOUR, _DAY = 3600, 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PIECES = {"1h": 30, "24h": 24, "7d": 28, "30d": 30, "90d": 45}


@dataclass(frozen=True)
class Figure:
    """A number in the first row."""

    name: str
    value: str
    change: str | None
    left_out: str | None = None
    """What the value does not include, in words."""


def show(visit: Visit) -> Response:
    """Show the overview of a period."""
    period = visit.params.get("period") or DEFAULT_PERIOD
    buckets = PIECES.get(period, 24)
    width = _width(_filters.period_seconds(period), buckets)
    until = _end(visit.now, width)
    since = until - width * buckets
    if visit.wants_json:
        return as_json(_twin(visit.store, since, until, buckets))
    shown = in_time(lambda: _of_time(visit, since, until, buckets))
    last = next(iter(in_time(lambda: visit.store.traces(limit=1).items) or []), None)
    return visit.page(
        "overview.html",
        "Overview",
        status=200 if shown else 503,
        notice=None if shown else TOO_LONG,
        nav="overview",
        period=period,
        periods=_filters.PERIODS,
        ledger=in_time(visit.store.ledger) or {},
        last=last,
        wider=_wider(last.started_at, visit.now) if last is not None else None,
        bad=_latest_sessions(visit.store, feedback="negative"),
        failed=_latest_sessions(visit.store, min_errors=1),
        **(shown or {"activity": None}),
    )


def _twin(store: Store, since: datetime, until: datetime, buckets: int) -> dict[str, Any]:
    """Return the JSON twin of the overview."""
    activity = store.activity(since=since, until=until, buckets=buckets)
    before = _before(store, since, since - (until - since))
    previous = None if before is None else before.total.to_dict()
    return {**activity.to_dict(), "before": previous, "ledger": store.ledger()}


def _of_time(visit: Visit, since: datetime, until: datetime, buckets: int) -> dict[str, Any]:
    """Return the parts of the page that depend on the period."""
    activity = visit.store.activity(since=since, until=until, buckets=buckets)
    before = _before(visit.store, since, since - (until - since))
    return {
        "activity": activity,
        "figures": _figures(activity.total, None if before is None else before.total),
        "charts": overview_charts(activity, visit.links),
    }


def _width(seconds: int, buckets: int) -> timedelta:
    """Return the length of a bucket; from a period of a day on in whole hours, for which the store has roll-ups."""
    return timedelta(seconds=seconds / buckets) if seconds < _DAY else timedelta(hours=-(-seconds // buckets // _HOUR))


def _end(now: datetime, width: timedelta) -> datetime:
    """Return the end of the current bucket, so that buckets begin at whole hours or days.

    Where midnight is not at a whole hour of UTC, as in India, the next whole hour is taken.
    """
    if width < timedelta(days=1):
        return _following(now, width.total_seconds())
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return _following(midnight - timedelta(microseconds=1), _HOUR)


def _following(moment: datetime, step: float) -> datetime:
    return moment + timedelta(seconds=step) - (moment - _EPOCH) % timedelta(seconds=step)


def _before(store: Store, since: datetime, earlier: datetime) -> Activity | None:
    return in_time(lambda: store.activity(since=earlier, until=since, buckets=1, busiest=0))


def _latest_sessions(store: Store, **filters: Any) -> list[Any]:
    return in_time(lambda: store.sessions(limit=5, **filters).items) or []


def _wider(last: datetime, now: datetime) -> str | None:
    """Return the shortest period that includes the last trace; None if none does."""
    passed = (now - last).total_seconds()
    return next((name for name, (_, seconds) in _filters.PERIODS.items() if passed < seconds), None)


def _figures(total: ActivityBucket, before: ActivityBucket | None) -> list[Figure]:
    def figure(name: str, field: str, value: str, left_out: str | None = None) -> Figure:
        earlier = None if before is None else getattr(before, field)
        now = getattr(total, field)
        return Figure(name, value, _formats.change(_float(now), _float(earlier)), left_out)

    return [
        figure("sessions started", "sessions", f"{total.sessions:,}"),
        figure("users active", "users", f"{total.users:,}"),
        figure("calls", "llm_calls", f"{total.llm_calls:,}"),
        figure("errors", "errors", f"{total.errors:,}"),
        figure("cost", "cost_usd", brief_cost_of(total) or _formats.NONE, left_out_of(total)),
        figure("input tokens", "input_tokens", _tokens(total.input_tokens, total.llm_calls)),
        figure("output tokens", "output_tokens", _tokens(total.output_tokens, total.llm_calls)),
        figure("median latency", "latency_p50_ms", _formats.latency(total.latency_p50_ms)),
        figure("p95 latency", "latency_p95_ms", _formats.latency(total.latency_p95_ms)),
    ]


def _tokens(tokens: int | None, calls: int) -> str:
    return _formats.NONE if tokens is None and not calls else _formats.count(tokens)


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
