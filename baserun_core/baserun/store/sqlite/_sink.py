"""The writing side of an SQLite store."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress

from baserun.exceptions import RowRejectedError, StoreUnavailableError
from baserun.store._location import StoreLocation
from baserun.store.rows import Row
from baserun.store.sqlite import _ledger
from baserun.store.sqlite._annotations import store_annotations
from baserun.store.sqlite._batch import Batch
from baserun.store.sqlite._checks import DAY_US, EARLIEST_US
from baserun.store.sqlite._connection import WriteConnection
from baserun.store.sqlite._convert import now_us
from baserun.store.sqlite._draft import Draft
from baserun.store.sqlite._erase import leave_nothing
from baserun.store.sqlite._errors import rejecting
from baserun.store.sqlite._flush import Flush
from baserun.store.sqlite._late import erase_late
from baserun.store.sqlite._migrate import migrations, schema
from baserun.store.sqlite._retention import prune_rows_step
from baserun.store.sqlite._search_index import index_some
from baserun.store.sqlite._tombstones import living

SECONDS_BETWEEN_PRUNINGS = 3_600
MAINTENANCE_TIMEOUT = 0.05  # seconds


class SqliteSink:
    """The writing side of the file at `location`; see `baserun.store._contract.Sink` for what its methods promise."""

    def __init__(self, location: StoreLocation, *, retention_days: float | None = None) -> None:
        self.location = location
        self._retention_us = None if retention_days is None else retention_days * DAY_US
        self._prune_at = 0.0
        self._may_be_unindexed = True
        self._connection = WriteConnection(location)

    def load(self) -> None:
        """Read the schema and the migrations."""
        schema()
        migrations()

    def write(self, rows: Sequence[Row], *, timeout: float | None = None) -> None:
        """Store all of `rows` in one transaction, or none of them."""
        with rejecting():
            draft = Draft(rows)
        try:
            has_erased = self._write(draft, timeout, are_new=True)
        except RowRejectedError:  # maybe because some are stored: a batch is repeated if its outcome was unknown
            has_erased = self._write(draft, timeout, are_new=False)
        self._may_be_unindexed = True
        if has_erased:
            with suppress(StoreUnavailableError):  # the rows are committed all the same
                leave_nothing(self._connection)

    def _write(self, draft: Draft, timeout: float | None, *, are_new: bool) -> bool:
        with self._connection.transaction(timeout) as connection, rejecting():
            return _write(connection, draft, are_new)

    def count_dropped(self, counts: dict[str, int], *, timeout: float | None = None) -> None:
        """Add the records that this process dropped, by reason, to the ledger."""
        with self._connection.transaction(timeout) as connection:
            _ledger.add(connection, _ledger.DROPPED, counts)

    def maintain(self) -> bool:
        """Index some calls for the search, or remove some that are too old; return whether more work is left.

        Other writers have precedence: it waits `MAINTENANCE_TIMEOUT` seconds at most for the lock.

        Raises:
            StoreUnavailableError: The store cannot be used now; try again later.
        """
        return self._index_some() or self._prune_some()

    def _index_some(self) -> bool:
        if self._may_be_unindexed:
            with self._connection.transaction(MAINTENANCE_TIMEOUT) as connection:
                self._may_be_unindexed = index_some(connection)
        return self._may_be_unindexed

    def _prune_some(self) -> bool:
        if self._retention_us is None or time.monotonic() < self._prune_at:
            return False
        with self._connection.transaction(MAINTENANCE_TIMEOUT) as connection:
            more = bool(prune_rows_step(connection, round(max(now_us() - self._retention_us, EARLIEST_US))))
        if not more:
            self._prune_at = time.monotonic() + SECONDS_BETWEEN_PRUNINGS
        return more

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def forget(self) -> None:
        """In the child of a fork: drop the parent's connection and lock without touching them."""
        self._connection.forget()


def _write(connection: sqlite3.Connection, draft: Draft, are_new: bool) -> bool:
    """Write rows; return whether stored ones were removed, because they proved to be an erased user's."""
    erased = erase_late(connection, draft.rows)
    _ledger.add(connection, _ledger.ERASED, erased)
    rows, late = living(connection, draft.rows)
    flush = Flush(batch := Batch(connection, Draft(rows) if late else draft, are_new=are_new))
    flush.run()
    flush.stored["annotation"] += store_annotations(connection, batch)
    flush.stored.update(late)
    _ledger.add(connection, _ledger.STORED, flush.stored)
    _ledger.add(connection, _ledger.ERASED, late)
    return bool(erased)
