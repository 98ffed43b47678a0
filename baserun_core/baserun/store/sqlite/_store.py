"""The reading side of an SQLite store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from typing import Any, Self, Unpack

import msgspec

from baserun._arguments import check_bool
from baserun._identity import pseudonym
from baserun.store._location import StoreLocation
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
from baserun.store.rows import EndSession
from baserun.store.sqlite import _activity, _checks, _ledger, _lists, _read_sessions, _read_traces, _search
from baserun.store.sqlite._connection import WriteConnection
from baserun.store.sqlite._convert import now_us
from baserun.store.sqlite._doomed import count_doomed
from baserun.store.sqlite._erase import erase
from baserun.store.sqlite._export import export
from baserun.store.sqlite._file_state import file_state
from baserun.store.sqlite._info import info
from baserun.store.sqlite._reader import Reader
from baserun.store.sqlite._retention import prune
from baserun.store.sqlite._sink import SqliteSink
from baserun.store.sqlite._verify import verify

LONGEST_WAIT = 5.0
"""Seconds that ending a session waits for other writers."""


class SqliteStore:
    """The store in the file at `location`; see `baserun.store._contract.Store` for what its methods promise."""

    def __init__(self, location: StoreLocation, *, budget: float | None, user_key: str | None = None) -> None:
        self.location = location
        self._user_key = user_key
        if budget is not None:
            _checks.number("budget", budget)
            budget = float(budget)
        self._reader = Reader(location.path, budget)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<SqliteStore {self.location.path}>"

    def sessions(self, **filters: Unpack[SessionFilters]) -> Page[StoredSession]:
        """List sessions, the last active first."""
        question = _lists.of_sessions(self._of_stored_user(filters))
        with self._reader.transaction() as connection:
            return Page(items=[]) if connection is None else _lists.sessions(connection, question)

    def session(self, session_id: str) -> StoredSession | None:
        """Return a session with everything in it; None if there is none."""
        identifier = _checks.identifier(session_id)
        with self._reader.transaction(is_bounded=False) as connection:
            if connection is None or identifier is None:
                return None
            return _read_sessions.session(connection, identifier)

    def chain(self, session_id: str) -> list[StoredSession]:
        """Return the sessions of one visit, the earliest first."""
        identifier = _checks.identifier(session_id)
        with self._reader.transaction() as connection:
            if connection is None or identifier is None:
                return []
            return _read_sessions.chain(connection, identifier)

    def users(self, **filters: Unpack[UserFilters]) -> Page[StoredUser]:
        """List users, the last seen first."""
        question = _lists.of_users(self._of_stored_user(filters))
        with self._reader.transaction() as connection:
            return Page(items=[]) if connection is None else _lists.users(connection, question)

    def user(self, user_identifier: str) -> StoredUser | None:
        """Return a user; None if nothing of them is stored."""
        identifier = _checks.identifier(user_identifier)
        if identifier is None:
            return None
        keyed = pseudonym(identifier, self._user_key)
        with self._reader.transaction() as connection:
            if connection is None:
                return None
            found = _read_sessions.user(connection, keyed)
            return _read_sessions.user(connection, identifier) if found is None and keyed != identifier else found

    def traces(self, **filters: Unpack[TraceFilters]) -> Page[StoredTrace]:
        """List traces, the last started first."""
        question = _lists.of_traces(self._of_stored_user(filters))
        with self._reader.transaction() as connection:
            return Page(items=[]) if connection is None else _lists.traces(connection, question)

    def trace(self, trace_id: str) -> StoredTrace | None:
        """Return a trace with everything in it; None if there is none."""
        key = _checks.trace_key(trace_id)
        with self._reader.transaction(is_bounded=False) as connection:
            if connection is None or key is None:
                return None
            return _read_traces.trace(connection, key)

    def search(
        self, text: str, *, user: str | None = None, limit: int = 50, after: str | None = None
    ) -> Page[SearchHit]:
        """Find the calls whose content has all words of `text`, the latest first."""
        question = _search.question(text, self._stored_user("user", user), limit, after)
        with self._reader.transaction() as connection:
            return Page(items=[]) if connection is None else _search.search(connection, question)

    def activity(
        self,
        *,
        since: datetime,
        until: datetime | None = None,
        buckets: int = 24,
        user: str | None = None,
        busiest: int = 10,
    ) -> Activity:
        """Return sums, latencies, and the busiest users and models of a period."""
        question = _activity.question(since, until, buckets, self._stored_user("user", user), busiest)
        with self._reader.transaction() as connection:
            return _activity.nothing(question) if connection is None else _activity.activity(connection, question)

    def state(self) -> str:
        """Return a text that changes with each write."""
        return file_state(self.location.path)

    def ledger(self) -> dict[str, dict[str, int]]:
        """Return the numbers of records stored, dropped, pruned and erased."""
        with self._reader.transaction() as connection:
            return {name: {} for name in _ledger.NAMES} if connection is None else _ledger.read(connection)

    def info(self) -> StoreInfo:
        """Return the state of the store."""
        with self._reader.transaction(is_bounded=False) as connection:
            return info(connection, self.location.path)

    def verify(self) -> list[str]:
        """Recount all totals and return the differences."""
        with self._reader.transaction(is_bounded=False) as connection:
            return [] if connection is None else verify(connection)

    def end_session(self, session_id: str) -> bool:
        """End a session unless it has ended already; return False if there is none."""
        identifier = _checks.identifier(session_id)
        with self._reader.transaction() as connection:
            if connection is None or identifier is None:
                return False
            is_ended = _read_sessions.is_ended(connection, identifier)
        if is_ended is False:
            with closing(SqliteSink(self.location)) as sink:
                end = EndSession(id=identifier, at_us=now_us(), is_from_outside=True)
                sink.write([end], timeout=LONGEST_WAIT)
        return is_ended is not None

    def prune(
        self,
        *,
        days: float | None = None,
        before: datetime | None = None,
        content_only: bool = False,
        dry_run: bool = False,
    ) -> PruneReceipt:
        """Remove what is older than `days`, or than `before`: whole sessions, or only the content of calls."""
        before_us = _checks.cut_off(days, before)
        check_bool(content_only, "content_only")
        check_bool(dry_run, "dry_run")
        if dry_run:
            with self._reader.transaction(is_bounded=False) as connection:
                return count_doomed(connection, before_us, content_only=content_only)
        with closing(WriteConnection(self.location)) as writer:
            return prune(writer, before_us, content_only=content_only)

    def erase_user(self, user_identifier: str) -> ErasureReceipt:
        """Remove everything of one user."""
        name = _checks.text("user_identifier", user_identifier)
        with closing(WriteConnection(self.location)) as writer:
            receipts = [erase(writer, each) for each in self._stored_names(name)]
        amounts = ("sessions", "traces", "spans", "annotations")
        sums = {amount: sum(getattr(receipt, amount) for receipt in receipts) for amount in amounts}
        return msgspec.structs.replace(receipts[0], **sums)

    def export_user(self, user_identifier: str) -> Iterator[dict[str, Any]]:
        """Iterate over everything stored of one user."""
        name = _checks.text("user_identifier", user_identifier)
        return (record for each in self._stored_names(name) for record in export(self._reader, each))

    def _of_stored_user(self, filters: Any) -> dict[str, Any]:
        """Return the filters with the user replaced by the identifier that they are stored under."""
        given = dict(filters)
        if given.get("user") is not None:
            given["user"] = self._stored_user("user", given["user"])
        return given

    def _stored_user(self, argument: str, identifier: str | None) -> str | None:
        """Return the identifier that a user is stored under: keyed, unless stored before there was a key."""
        if identifier is None or self._user_key is None:
            return identifier
        name = _checks.text(argument, identifier)
        found = self.user(name)
        return pseudonym(name, self._user_key) if found is None else found.user_identifier

    def _stored_names(self, name: str) -> list[str]:
        """Return the keyed identifier, and the plain one too if the user was stored before there was a key.

        Otherwise nothing in the store, not even a tombstone, may be derived from the plain one.
        """
        keyed = pseudonym(name, self._user_key)
        if keyed == name:
            return [name]
        with self._reader.transaction() as connection:
            is_plain_stored = connection is not None and _read_sessions.user(connection, name) is not None
        return [keyed, name] if is_plain_stored else [keyed]

    def close(self) -> None:
        """Close the connections."""
        self._reader.close()
