"""The overview: figures and charts of a period, compared with the period before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from baserun.store import Activity, ActivityBucket, Store
from baserun.wording.costs import brief_cost_of, left_out_of
from baserun_monitor import _formats, _periods
from baserun_monitor._charts import overview_charts
from baserun_monitor._exchange import Response, as_json
from baserun_monitor._periods import Pieces
from baserun_monitor._site import Visit, in_time

DEFAULT_PERIOD = "24h"
TOO_LONG = "That took too long just now. Choose a shorter time, or try again when the machine has less to do."


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
    pieces = _periods.divided(period, visit.now)
    if visit.wants_json:
        return as_json(_twin(visit.store, pieces))
    shown = in_time(lambda: _of_time(visit, pieces))
    last = next(iter(in_time(lambda: visit.store.traces(limit=1).items) or []), None)
    return visit.page(
        "overview.html",
        "Overview",
        status=200 if shown else 503,
        notice=None if shown else TOO_LONG,
        nav="overview",
        period=period,
        periods=_periods.PERIODS,
        ledger=in_time(visit.store.ledger) or {},
        last=last,
        wider=_periods.reaching(last.started_at, visit.now) if last is not None else None,
        bad=_latest_sessions(visit.store, feedback="negative"),
        failed=_latest_sessions(visit.store, min_errors=1),
        **(shown or {"activity": None}),
    )


def _twin(store: Store, pieces: Pieces) -> dict[str, Any]:
    """Return the JSON twin of the overview."""
    activity = store.activity(since=pieces.since, until=pieces.until, buckets=pieces.number)
    before = _before(store, pieces)
    previous = None if before is None else before.total.to_dict()
    return {**activity.to_dict(), "before": previous, "ledger": store.ledger()}


def _of_time(visit: Visit, pieces: Pieces) -> dict[str, Any]:
    """Return the parts of the page that depend on the period."""
    activity = visit.store.activity(since=pieces.since, until=pieces.until, buckets=pieces.number)
    before = _before(visit.store, pieces)
    return {
        "activity": activity,
        "figures": _figures(activity.total, None if before is None else before.total),
        "charts": overview_charts(activity, visit.links),
    }


def _before(store: Store, pieces: Pieces) -> Activity | None:
    return in_time(lambda: store.activity(since=pieces.earlier, until=pieces.since, buckets=1, busiest=0))


def _latest_sessions(store: Store, **filters: Any) -> list[Any]:
    return in_time(lambda: store.sessions(limit=5, **filters).items) or []


def _figures(total: ActivityBucket, before: ActivityBucket | None) -> list[Figure]:
    def figure(name: str, field: str, value: str, left_out: str | None = None) -> Figure:
        earlier = None if before is None else getattr(before, field)
        now = getattr(total, field)
        return Figure(name, value, _formats.change(_float(now), _float(earlier)), left_out)

    return [
        figure("sessions started", "sessions", _formats.grouped(total.sessions)),
        figure("users active", "users", _formats.grouped(total.users)),
        figure("calls", "llm_calls", _formats.grouped(total.llm_calls)),
        figure("errors", "errors", _formats.grouped(total.errors)),
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
