"""The waterfall of a trace: its spans as rows, each with its place in the time of the trace. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from baserun.store import StoredCall, StoredSpan, StoredTrace
from baserun.wording.order import ended_at
from baserun.wording.tree import as_tree

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
    """Return the spans in the order of their tree."""
    spans = trace.spans or []
    start, length = _extent(trace)
    return [Bar(span, min(depth, DEEPEST), *_place(span, start, length)) for span, depth, _ in as_tree(spans)]


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
