"""The writing side of an SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from baserun.store._location import StoreLocation
from baserun.store.rows import Row
from baserun.store.sqlite import _ledger
from baserun.store.sqlite._annotations import store_annotations
from baserun.store.sqlite._batch import Batch
from baserun.store.sqlite._connection import WriteConnection
from baserun.store.sqlite._errors import UNSTORABLE, rejected
from baserun.store.sqlite._flush import Flush
from baserun.store.sqlite._tombstones import living


class SqliteSink:
    """Writes batches of rows into the file at `location`; see `baserun.store._contract.Sink` for the promises."""

    def __init__(self, location: StoreLocation) -> None:
        self.location = location
        self._connection = WriteConnection(location)

    def write(self, rows: Sequence[Row], *, timeout: float | None = None) -> None:
        """Store all of `rows` in one transaction, or none of them."""
        with self._connection.transaction(timeout) as connection:
            try:
                _write(connection, rows)
            except UNSTORABLE as error:
                raise rejected(error) from error

    def count_dropped(self, counts: dict[str, int]) -> None:
        """Add what this process had to drop to the store's ledger."""
        with self._connection.transaction() as connection:
            _ledger.add(connection, _ledger.DROPPED, counts)

    def maintain(self) -> bool:
        """Index some of what the search does not know yet; True when more is waiting."""
        from baserun.store.sqlite._search_index import index_some

        with self._connection.transaction() as connection:
            return index_some(connection)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def forget(self) -> None:
        """In the child of a fork: let go of the parent's connection and lock without touching them."""
        self._connection.forget()


def _write(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    rows, late = living(connection, rows)
    flush = Flush(batch := Batch(connection, rows))
    flush.run()
    flush.stored["annotation"] += store_annotations(connection, batch)
    _ledger.add(connection, _ledger.STORED, flush.stored + late)
    _ledger.add(connection, _ledger.ERASED, late)
