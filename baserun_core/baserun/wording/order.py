"""The order in which a conversation is told."""

from __future__ import annotations

from datetime import datetime, timedelta

from baserun.store import StoredTrace


def told_at(trace: StoredTrace) -> datetime:
    """Return the time that places it in a conversation: its start; its end if it has nothing but an error."""
    is_bare = not trace.spans and not trace.annotations
    return ended_at(trace) if is_bare and trace.error is not None else trace.started_at


def ended_at(trace: StoredTrace) -> datetime:
    """Return the end of the trace; its start if the duration is unknown."""
    return trace.started_at + timedelta(milliseconds=trace.duration_ms or 0)
