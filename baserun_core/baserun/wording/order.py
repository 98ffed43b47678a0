"""The order in which a conversation is told: its traces with the pauses between them, and what happened in each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from baserun.store import StoredAnnotation, StoredCall, StoredSpan, StoredTrace

_IDLE = timedelta(minutes=1)
"""A pause of this length or longer is told."""


def with_pauses(traces: Iterable[StoredTrace]) -> Iterator[tuple[StoredTrace, timedelta | None]]:
    """Yield the traces, the earliest first, each with the pause before it, or None if that is too short to tell."""
    last: datetime | None = None
    for trace in sorted(traces, key=told_at):
        pause = None if last is None or told_at(trace) - last < _IDLE else told_at(trace) - last
        yield trace, pause
        last = max(last or ended_at(trace), ended_at(trace))


def in_order(trace: StoredTrace) -> list[StoredSpan | StoredAnnotation]:
    """Return the spans and annotations of a trace in the order to show them.

    Feedback comes last, since it is about everything before it. Calls and tools come at their start, other spans at
    their end, so that an error is shown first where it began.
    """
    timed: list[tuple[bool, datetime, StoredSpan | StoredAnnotation]] = [
        (False, _place(span), span) for span in trace.spans or ()
    ]
    timed += [(note.type == "feedback", note.created_at, note) for note in trace.annotations or ()]
    return [happened for _, _, happened in sorted(timed, key=lambda entry: entry[:2])]


def told_at(trace: StoredTrace) -> datetime:
    """Return the time that places it in a conversation: its start; its end if it has nothing but an error."""
    is_bare = not trace.spans and not trace.annotations
    return ended_at(trace) if is_bare and trace.error is not None else trace.started_at


def ended_at(timed: StoredTrace | StoredSpan) -> datetime:
    """Return the end of a trace or span; its start if the duration is unknown."""
    return timed.started_at + timedelta(milliseconds=timed.duration_ms or 0)


def _place(span: StoredSpan) -> datetime:
    is_told_at_start = isinstance(span, StoredCall) or span.kind == "tool"
    return span.started_at if is_told_at_start else ended_at(span)
