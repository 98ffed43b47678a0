"""Delivering records from the queue to the store in batches: preparing, committing and counting them.

The current batch outlives a failed write and its thread: the write is repeated, and if the thread dies, the next one
continues with the same batch.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from baserun import _fork, signals
from baserun._config import Config
from baserun._guard import guarded, report
from baserun._outage import Outage
from baserun._queue import Item, RecordQueue
from baserun._upkeep import Upkeep
from baserun.exceptions import RowRejectedError, StoreUnavailableError
from baserun.store._contract import Sink
from baserun.store.rows import Row

if TYPE_CHECKING:
    from baserun._calls import CallDetails
    from baserun._prepare import Preparer

MOST_PER_BATCH = 1000
"""Records in one transaction: enough to spread its cost, few enough to let other processes write in between."""
_READ_AHEAD = 64
"""Calls whose details are read before their rows are made: the code of the two steps does not fit into a processor's
caches together, and alternating between them takes a third longer."""
_HEAVY = 8_192
"""Bytes above which a call is not read ahead: its data would not stay in a cache."""
_INDEX_PATIENCE = 0.5
"""Longest wait of a flush for the search index, in seconds; the index may be behind by more than was flushed."""


class Marker:
    """An item of the queue that signals when everything before it is committed."""

    def __init__(self) -> None:
        self._reached = threading.Event()

    def reach(self) -> None:
        self._reached.set()

    def wait(self, timeout: float) -> bool:
        return self._reached.wait(timeout)


class Delivery:
    """Writes the records in `queue` to the store of a configuration. Used by one thread at a time."""

    def __init__(self, config: Config, queue: RecordQueue) -> None:
        self.outage = Outage(config.queue_bytes)
        self.upkeep = Upkeep(is_endless=config.retention_days is not None)
        self._config = config
        self._queue = queue
        self._preparer: Preparer | None = None
        self._batch: list[Item] = []
        """Items taken from the queue and not yet committed."""
        self._rows: list[Row | None] = []
        """The rows of the first items of `_batch`; None for a marker, and for a record that was dropped."""
        self._deadly: Any = None
        """The record of this batch whose preparation ended a thread."""
        self._is_cautious = False
        """Whether a thread died while it read ahead in this batch."""
        self._sink: Sink | None = None
        self._drops_signalled: dict[str, int] = {}
        self._drops_stored: dict[str, int] = {}

    @property
    def is_done(self) -> bool:
        """Whether there is no batch and the queue is empty."""
        return not self._batch and self._queue.is_empty()

    @property
    def has_leftovers(self) -> bool:
        """Whether there is a batch that could not be written."""
        return bool(self._batch)

    def write_batch(self, timeout: float | None) -> bool:
        """Write a batch, with what an earlier attempt left first; False if the store cannot be written now.

        Args:
            timeout: Seconds to wait for other writers; None waits until it is this writer's turn.
        """
        self._queue.take(self._batch, MOST_PER_BATCH - len(self._batch))
        if not self._batch:
            return True
        self._prepare_batch()
        return self._commit(timeout)

    def maintain(self) -> bool:
        """Let the store do one bounded step of maintenance; False if it is unavailable now."""
        try:
            if self._sink is None or not self._sink.maintain():
                self.upkeep.done()
        except StoreUnavailableError:  # not logged: if it lasts, the next batch reports an outage
            self.upkeep.put_off()
            return False
        return True

    def close(self) -> None:
        """Drop what is left, and close the store."""
        self._give_up_rest()
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()

    def forget(self) -> None:
        """In the child of a fork: drop the parent's store without closing it."""
        if self._sink is not None:
            self._sink.forget()

    def _prepare_batch(self) -> None:
        while len(self._rows) < len(self._batch):
            first = len(self._rows)
            items = self._batch[first : first + _READ_AHEAD]
            for (record, size), details in zip(items, self._read_ahead(items), strict=True):
                self._rows.append(None if isinstance(record, Marker) else self._prepare(record, size, details))

    def _read_ahead(self, items: list[Item]) -> Sequence[CallDetails | None]:
        nothing = [None] * len(items)
        if self._is_cautious:
            return nothing
        try:
            read = self._open_preparer().read
            return [read(record) if size <= _HEAVY else None for record, size in items]
        except Exception:  # making the row fails then too, and reports it
            return nothing
        except BaseException:  # it ends the thread; the next one does not read ahead in this batch
            self._is_cautious = True
            raise

    def _prepare(self, record: Any, size: int, details: CallDetails | None) -> Row | None:
        try:
            return self._open_preparer()(record, details)
        except Exception as error:  # only this record is dropped
            self._give_up(size, "unreadable", "preparing a record", error)
        except BaseException as error:
            # It ends the thread. It may have come from outside, so the next thread tries this record once more.
            if self._deadly is not record:
                self._deadly = record
                raise
            self._give_up(size, "unreadable", "preparing a record", error)
        return None

    def _open_preparer(self) -> Preparer:
        if self._preparer is None:
            # Not imported at the top, on a caller's thread: regular expressions and price list make it the heavy half.
            with _fork.in_one_piece():
                from baserun._prepare import Preparer

            self._preparer = Preparer(self._config)
        return self._preparer

    def _give_up(self, size: int, reason: str, doing: str, error: BaseException) -> None:
        self._queue.dropped(reason, 1, size)
        report(doing, error)

    def _commit(self, timeout: float | None) -> bool:
        try:
            self._write(0, len(self._rows), timeout)
            self._store_drops(timeout)
        except Exception as error:
            self.outage.begin(error)
            self._signal_drops()
            return False
        batch, rows = self._batch, self._rows
        sizes = [size for (_, size), row in zip(batch, rows, strict=True) if row is not None]
        self._batch, self._rows = [], []
        self._deadly, self._is_cautious = None, False
        stored_bytes = sum(sizes)
        self._queue.stored(len(sizes), stored_bytes)
        self.upkeep.written(len(sizes), stored_bytes)
        self.outage.end(self._queue.drops())
        self._signal_drops()
        markers = [record for record, _ in batch if isinstance(record, Marker)]
        if markers:
            self._make_findable()
        for marker in markers:
            marker.reach()
        return True

    def _make_findable(self) -> None:
        """Index a large backlog before a flush returns, as its caller may search next; at most `_INDEX_PATIENCE`."""
        deadline = time.monotonic() + _INDEX_PATIENCE
        with guarded("maintaining the store"):
            while self.upkeep.is_overdue and time.monotonic() < deadline and self.maintain():
                pass

    def _write(self, start: int, stop: int, timeout: float | None) -> None:
        """Write these rows of the batch; if one is rejected, find it by bisection and drop it."""
        rows = [row for row in self._rows[start:stop] if row is not None]
        if not rows:
            return
        error = self._rejection(rows, timeout)
        if error is None:
            return
        if stop - start == 1:
            self._rows[start] = None
            self._give_up(self._batch[start][1], "rejected", "writing a record that the store does not take", error)
            return
        middle = (start + stop) // 2
        self._write(start, middle, timeout)
        self._write(middle, stop, timeout)

    def _rejection(self, rows: list[Row], timeout: float | None) -> RowRejectedError | None:
        try:
            self._open_sink().write(rows, timeout=timeout)
        except RowRejectedError as error:
            return error
        return None

    def _open_sink(self) -> Sink:
        if self._sink is None:
            with _fork.in_one_piece():
                from baserun.store import open_sink

                self._sink = open_sink(self._config.store, retention_days=self._config.retention_days)
                self._sink.load()
        return self._sink

    def _store_drops(self, timeout: float | None) -> None:
        drops = self._queue.drops()
        fresh = _difference(drops, self._drops_stored)
        if fresh:
            self._open_sink().count_dropped(fresh, timeout=timeout)
            self._drops_stored = drops

    def _signal_drops(self) -> None:
        drops = self._queue.drops()
        fresh = _difference(drops, self._drops_signalled)
        self._drops_signalled = drops
        for reason, count in fresh.items():
            if signals.records_dropped.receivers:
                signals.emit(signals.records_dropped, reason, count=count)

    def _give_up_rest(self) -> None:
        self._queue.take(self._batch, sys.maxsize)
        rows = self._rows + [None] * (len(self._batch) - len(self._rows))
        prepared = len(self._rows)
        lost = [
            size
            for at, ((record, size), row) in enumerate(zip(self._batch, rows, strict=True))
            if row is not None or (at >= prepared and not isinstance(record, Marker))
        ]
        self._batch, self._rows = [], []
        if lost:
            self._queue.dropped("shutdown", len(lost), sum(lost))
            self._signal_drops()


def _difference(counts: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    return {reason: count - before.get(reason, 0) for reason, count in counts.items() if count > before.get(reason, 0)}
