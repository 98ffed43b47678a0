"""The waterfall of a trace: its spans as rows, each with its place in the time of the trace. No I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from baserun.store import StoredCall, StoredSpan, StoredTrace
from baserun.wording.order import ended_at

DEEPEST = 7
"""Deeper levels are not indented further; the style sheet has one level more, for below the row of the trace."""
NARROWEST = 0.4
"""Percent, so that a span without duration is visible."""


@dataclass(frozen=True)
class Bar:
    """One row of the waterfall."""

    span: StoredSpan
    depth: int
    left: float
    width: float
    """Start and length in percent, like `left`."""

    @property
    def is_call(self) -> bool:
        """Whether the span is a call to a model, which has tokens and a cost, known or not."""
        return isinstance(self.span, StoredCall)


def waterfall(trace: StoredTrace) -> list[Bar]:
    """Return the spans below their parents, the earliest first; one whose parent is missing is at the top level."""
    spans = trace.spans or []
    start, length = _extent(trace)
    return [Bar(span, min(depth, DEEPEST), *_place(span, start, length)) for span, depth in _walk(spans)]


def whole(trace: StoredTrace) -> tuple[float, float]:
    """Return start and length of the trace itself, in percent: spans may begin before it or end after it."""
    return _place(trace, *_extent(trace))


def _extent(trace: StoredTrace) -> tuple[datetime, float]:
    """Return the start of the trace with all its spans, and the milliseconds to the last end."""
    starts = [trace.started_at, *(span.started_at for span in trace.spans or ())]
    start = min(starts)
    ends = [ended_at(trace), *(ended_at(span) for span in trace.spans or ())]
    return start, max((max(ends) - start).total_seconds() * 1000, 0.001)


def _place(span: StoredSpan | StoredTrace, start: datetime, length: float) -> tuple[float, float]:
    left = (span.started_at - start).total_seconds() * 100_000 / length
    left = min(max(left, 0.0), 100 - NARROWEST)
    width = (span.duration_ms or 0) * 100 / length
    return round(left, 2), round(min(max(width, NARROWEST), 100 - left), 2)


def _walk(spans: list[StoredSpan]) -> Iterator[tuple[StoredSpan, int]]:
    """Iterate over spans with their depth. Not recursive: the tree may be deep, or have cycles."""
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
