"""Filters of lists: the keyword arguments of `Store.sessions`, `.users` and `.traces`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

STATUSES = ("running", "ok", "error", "cancelled", "abandoned")
"""Of traces, as they are read."""
FEEDBACK = ("negative", "positive", "any")
USER_SORTS = ("last_seen", "first_seen", "cost", "tokens", "sessions", "traces", "errors")
SESSION_SORTS = ("last_active", "started", "cost", "tokens", "duration", "errors", "traces")
TRACE_SORTS = ("started", "duration", "cost", "tokens", "errors")
"""The columns that lists can be sorted by; see `default_sort`."""
DEFAULT_LIMIT, HIGHEST_LIMIT = 50, 1_000
"""Items of a page."""

_MIDDLE = 0.5


def is_positive(score: float) -> bool:
    """Whether feedback with this score, from 0 (bad) to 1 (good), is positive; any other is negative."""
    return score >= _MIDDLE


def default_sort(sorts: Sequence[str]) -> str:
    """Return the sort of a list that is given none: by the first of its sorts, from the latest."""
    return f"-{sorts[0]}"


class ListOptions(TypedDict, total=False):
    """The arguments of every list."""

    sort: str
    """The column to sort by; with ``-`` before it from the highest or latest."""
    limit: int
    """1 to 1000 items, 50 when not given."""
    after: str | None
    """`Page.next` of the page before."""


class UserFilters(ListOptions, total=False):
    """The filters of users. Sorted by one of `USER_SORTS`."""

    user: str | None
    since: datetime | None
    """Last seen at or after."""
    until: datetime | None
    """Last seen before."""
    feedback: str | None
    min_errors: int | None
    min_cost: float | None
    min_tokens: int | None


class SessionFilters(ListOptions, total=False):
    """What sessions can be narrowed to. Sorted by one of `SESSION_SORTS`.

    ``status``, ``model``, ``kind``, ``tag`` and ``text`` ask for sessions that have such a trace.
    """

    user: str | None
    since: datetime | None
    """Last active at or after."""
    until: datetime | None
    """Last active before."""
    status: str | None
    """``running``, ``ok``, ``error``, ``cancelled`` or ``abandoned``."""
    model: str | None
    """A model's name as it was asked for or as it answered."""
    kind: str | None
    tag: str | None
    """``name=value``."""
    feedback: str | None
    """``negative``, ``positive`` or ``any``."""
    min_errors: int | None
    """At least so many errors, including those that the application caught."""
    min_cost: float | None
    """Dollars."""
    min_tokens: int | None
    """Input and output together."""
    min_duration: float | None
    """Seconds."""
    text: str | None
    """Words that the content has."""


class TraceFilters(SessionFilters, total=False):
    """What traces can be narrowed to. Sorted by one of `TRACE_SORTS`; times are their start."""

    session: str | None
