"""The seam between Baserun and an engine that keeps its records."""

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
    """Where the writer puts rows. Used by one thread at a time; opened when first needed."""

    def load(self) -> None:
        """Import and read everything that writing needs, as far as it belongs to the program and not to the store."""

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
        """Add to the store's own ledger what this process had to drop, by reason. Waits and raises as `write` does."""

    def maintain(self) -> bool:
        """Do a bounded piece of work off the write path (search index, retention); True when more is waiting.

        Raises:
            StoreUnavailableError: Not now (others are writing, or as for `write`); try again later.
        """

    def close(self) -> None:
        """Release what the sink holds."""

    def forget(self) -> None:
        """In the child of a fork: let go of the parent's handles without touching what they refer to."""


class Store(Protocol):
    """Reading a store, ending sessions in it, taking things out of it. Several threads may do so while others write.

    Lists end within their time budget or raise `NarrowFilterError`; a wrong filter raises `ConfigurationError`; a store
    that cannot be read raises `StoreUnavailableError`. A store that was never written to is empty.
    """

    def sessions(self, **filters: Unpack[SessionFilters]) -> Page[StoredSession]:
        """List sessions, the last active first."""

    def session(self, session_id: str) -> StoredSession | None:
        """One session with its traces, their spans and content, and all annotations; None when there is none."""

    def chain(self, session_id: str) -> list[StoredSession]:
        """The sessions of one visit, the earliest first: those before and after this one by their `previous_id`."""

    def users(self, **filters: Unpack[UserFilters]) -> Page[StoredUser]:
        """List users, the last seen first."""

    def user(self, user_identifier: str) -> StoredUser | None:
        """One user; None when nothing was ever stored of them."""

    def traces(self, **filters: Unpack[TraceFilters]) -> Page[StoredTrace]:
        """List traces, the last started first."""

    def trace(self, trace_id: str) -> StoredTrace | None:
        """One trace with its spans, content and annotations; None when there is none."""

    def search(
        self, text: str, *, user: str | None = None, limit: int = 50, after: str | None = None
    ) -> Page[SearchHit]:
        """Find the calls in which all words of `text` were said, the latest first; quotes keep words together."""

    def activity(
        self,
        *,
        since: datetime,
        until: datetime | None = None,
        buckets: int = 24,
        user: str | None = None,
        busiest: int = 10,
    ) -> Activity:
        """What happened from `since` until now or `until`, as a whole and in so many pieces of equal length.

        Pieces that begin and end with a whole hour, UTC, are quick over any time; of others, and of one `user`, each
        trace is looked at. `busiest` says how many users and models are named; 0 names none, which is quicker.
        """

    def state(self) -> str:
        """A text that changes when something was written, cheap enough to be asked every second."""

    def ledger(self) -> dict[str, dict[str, int]]:
        """What was stored, dropped, pruned and erased, by kind or reason."""

    def info(self) -> StoreInfo:
        """What `baserun doctor` says of the store."""

    def verify(self) -> list[str]:
        """Count everything again and say where the store differs; an intact one gives an empty list."""

    def end_session(self, session_id: str) -> bool:
        """End a session as `baserun.end_session` does; one that is ended stays as it is. False when there is none.

        Whoever ends it so is not in it: when it was last active stays as it was.
        """

    def prune(
        self, *, days: float | None = None, before: datetime | None = None, content_only: bool = False
    ) -> PruneReceipt:
        """Remove sessions that were last active before a time (and traces without a session), or only their content."""

    def erase_user(self, user_identifier: str) -> ErasureReceipt:
        """Remove everything of one user; what is still on its way is removed when it comes."""

    def export_user(self, user_identifier: str) -> Iterator[dict[str, Any]]:
        """Everything that is stored of one user, one JSON-ready object after the other."""

    def close(self) -> None:
        """Close what the store has open; a later question opens it again."""
