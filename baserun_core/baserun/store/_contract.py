"""The contract of a store: `Sink` for writing, `Store` for everything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Protocol, Unpack

from baserun.store.activity import Activity
from baserun.store.filters import SessionFilters, TraceFilters, UserFilters
from baserun.store.results import (
    ErasureReceipt,
    Page,
    PruneReceipt,
    SearchHit,
    StoredSession,
    StoredTrace,
    StoredUser,
    StoreInfo,
)
from baserun.store.rows import Row


class Sink(Protocol):
    """The writing side of a store. Used by one thread at a time; opened when first needed."""

    def load(self) -> None:
        """Import the modules that writing needs, without touching the store."""

    def write(self, rows: Sequence[Row], *, timeout: float | None = None) -> None:
        """Store all of `rows` durably, or none of them.

        Writing rows that are already there changes nothing, so a batch whose outcome is unknown may be written again.

        Args:
            rows: In the order in which they happened.
            timeout: Seconds to wait for other writers; None waits until it is this writer's turn.

        Raises:
            StoreUnavailableError: Not now (locked, full, read-only, unreadable, newer than this code); try again later.
            RowRejectedError: One of these rows can never be stored; the others can.
        """

    def count_dropped(self, counts: dict[str, int], *, timeout: float | None = None) -> None:
        """Add the records that this process dropped, by reason, to the ledger. Waits and raises like `write`."""

    def maintain(self) -> bool:
        """Do a bounded piece of work off the write path (search index, retention); True when more is waiting.

        Raises:
            StoreUnavailableError: Not now (others are writing, or as for `write`); try again later.
        """

    def close(self) -> None:
        """Release the resources that the sink holds."""

    def forget(self) -> None:
        """In the child of a fork: drop the parent's handles without closing what they refer to."""


class Store(Protocol):
    """Reading a store, ending sessions in it, taking things out of it. Several threads may do so while others write.

    Lists end within their time budget or raise `NarrowFilterError`; a wrong filter raises `ConfigurationError`; a store
    that cannot be read raises `StoreUnavailableError`. A store that was never written to is empty.
    """

    def sessions(self, **filters: Unpack[SessionFilters]) -> Page[StoredSession]:
        """List sessions, the last active first."""

    def session(self, session_id: str) -> StoredSession | None:
        """Return a session with its traces, their spans and content, and all annotations; None if there is none."""

    def chain(self, session_id: str) -> list[StoredSession]:
        """Return the sessions of one visit, linked by `previous_id` to this one, the earliest first."""

    def users(self, **filters: Unpack[UserFilters]) -> Page[StoredUser]:
        """List users, the last seen first."""

    def user(self, user_identifier: str) -> StoredUser | None:
        """Return a user; None if nothing of them is stored."""

    def traces(self, **filters: Unpack[TraceFilters]) -> Page[StoredTrace]:
        """List traces, the last started first."""

    def trace(self, trace_id: str) -> StoredTrace | None:
        """Return a trace with its spans, content and annotations; None if there is none."""

    def search(
        self, text: str, *, user: str | None = None, limit: int = 50, after: str | None = None
    ) -> Page[SearchHit]:
        """Find the calls whose content has all words of `text`, the latest first; quotes make a phrase."""

    def activity(
        self,
        *,
        since: datetime,
        until: datetime | None = None,
        buckets: int = 24,
        user: str | None = None,
        busiest: int = 10,
    ) -> Activity:
        """Return what happened from `since` until now or `until`, as a whole and in `buckets` pieces of equal length.

        Pieces that begin and end with a whole hour, UTC, are quick over any time; of others, and of one `user`, each
        trace is looked at. `busiest` says how many users and models are named; 0 names none, which is quicker.
        """

    def state(self) -> str:
        """Return a text that changes with each write, cheap enough to be polled every second."""

    def ledger(self) -> dict[str, dict[str, int]]:
        """Return the numbers of records stored, dropped, pruned and erased, by kind or reason."""

    def info(self) -> StoreInfo:
        """Return the state of the store, as `baserun doctor` shows it."""

    def verify(self) -> list[str]:
        """Recount all totals and return the differences; an empty list if the store is intact."""

    def end_session(self, session_id: str) -> bool:
        """End a session as `baserun.end_session` does; one that is ended stays as it is. False when there is none.

        Whoever ends it so is not in it: when it was last active stays as it was.
        """

    def prune(
        self,
        *,
        days: float | None = None,
        before: datetime | None = None,
        content_only: bool = False,
        dry_run: bool = False,
    ) -> PruneReceipt:
        """Remove sessions that were last active before a time (and traces without a session), or only their content.

        With `dry_run` nothing is removed, and the receipt counts what would be.
        """

    def erase_user(self, user_identifier: str) -> ErasureReceipt:
        """Remove everything of one user; records of theirs that arrive later are removed on arrival."""

    def export_user(self, user_identifier: str) -> Iterator[dict[str, Any]]:
        """Iterate over everything stored of one user, as JSON-ready objects."""

    def close(self) -> None:
        """Close the open connections; a later query opens them again."""
