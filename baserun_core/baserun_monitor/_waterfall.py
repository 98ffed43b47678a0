"""A trace's spans as rows under each other, with where in the time of the trace each lies. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from baserun.store import StoredSpan, StoredTrace

DEEPEST = 11
"""Deeper levels are not indented any further."""
NARROWEST = 0.4
"""Percent; a span of no length can still be seen."""


@dataclass(frozen=True)
class Bar:
    """One row."""

    span: StoredSpan
    depth: int
    left: float
    width: float
    """Both in percent."""


def waterfall(trace: StoredTrace) -> list[Bar]:
    """Spans under their parents, in the order of time; one whose parent is not here stands at the top."""
    spans = trace.spans or []
    start, length = _extent(trace)
    return [Bar(span, min(depth, DEEPEST), *_place(span, start, length)) for span, depth in _walk(spans)]


def whole(trace: StoredTrace) -> tuple[float, float]:
    """Where the trace itself lies, in percent: spans may begin before it or go on after it."""
    return _place(trace, *_extent(trace))


def _extent(trace: StoredTrace) -> tuple[datetime, float]:
    """When everything began, and how many milliseconds until all was over."""
    starts = [trace.started_at, *(span.started_at for span in trace.spans or ())]
    start = min(starts)
    ends = [trace.started_at + timedelta(milliseconds=trace.duration_ms or 0)]
    ends += [span.started_at + timedelta(milliseconds=span.duration_ms or 0) for span in trace.spans or ()]
    return start, max((max(ends) - start).total_seconds() * 1000, 0.001)


def _place(span: StoredSpan | StoredTrace, start: datetime, length: float) -> tuple[float, float]:
    left = (span.started_at - start).total_seconds() * 100_000 / length
    left = min(max(left, 0.0), 100 - NARROWEST)
    width = (span.duration_ms or 0) * 100 / length
    return round(left, 2), round(min(max(width, NARROWEST), 100 - left), 2)


def _walk(spans: list[StoredSpan]) -> Iterator[tuple[StoredSpan, int]]:
    """Not recursive: trees may be deep, or no trees at all."""
    children = _children(spans)
    seen: set[str] = set()
    waiting = [(span, 0) for span in reversed(children.get(None, []))]
    while waiting:
        span, depth = waiting.pop()
        if span.id in seen:
            continue
        seen.add(span.id)
        yield span, depth
        waiting += [(child, depth + 1) for child in reversed(children.get(span.id, []))]
    yield from ((span, 0) for span in spans if span.id not in seen)


def _children(spans: list[StoredSpan]) -> dict[str | None, list[StoredSpan]]:
    known = {span.id for span in spans}
    found: dict[str | None, list[StoredSpan]] = {}
    for span in sorted(spans, key=lambda each: each.started_at):
        parent = span.parent_id if span.parent_id in known and span.parent_id != span.id else None
        found.setdefault(parent, []).append(span)
    return found
