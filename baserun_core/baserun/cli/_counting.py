"""Counting what a prune would remove, without removing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from baserun.store import Page, Store, StoredSession, StoredTrace

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Doomed:
    """The number of sessions and traces that a prune would remove."""

    sessions: int
    traces: int

    def to_dict(self) -> dict[str, int]:
        """Return the numbers as JSON-ready builtins."""
        return asdict(self)


def count_contents(store: Store, before: datetime) -> Doomed:
    """Count the traces that started before `before`, and the sessions that they are in."""
    found = list(_all_traces(store, before))
    return Doomed(len({trace.session_id for trace in found} - {None}), len(found))


def count_rows(store: Store, before: datetime) -> Doomed:
    """Count the sessions last active before `before` with their traces, and earlier traces without a session."""
    sessions = traces = 0
    for session in _all_sessions(store, before):
        sessions += 1
        traces += session.traces if isinstance(session.traces, int) else len(session.traces)
    alone = sum(1 for trace in _all_traces(store, before) if trace.session_id is None)
    return Doomed(sessions, traces + alone)


def _all_sessions(store: Store, before: datetime) -> Iterator[StoredSession]:
    return _pages(lambda after: store.sessions(until=before, limit=_PAGE, after=after))


def _all_traces(store: Store, before: datetime) -> Iterator[StoredTrace]:
    return _pages(lambda after: store.traces(until=before, limit=_PAGE, after=after))


def _pages(ask: Callable[[str | None], Page[Any]]) -> Iterator[Any]:
    after: str | None = None
    while True:
        page = ask(after)
        yield from page.items
        if page.next is None:
            return
        after = page.next
