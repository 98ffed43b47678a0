"""The background thread: takes records off the queue and puts them into the store, a batch at a time.

It starts with the first record and is a daemon. It survives what happens to it: when the store cannot be written it
keeps its batch and tries again, when it dies another takes over, and the child of a fork starts with nothing.
"""

from __future__ import annotations

import sys
import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from baserun import signals
from baserun._config import MEBIBYTE, Config
from baserun._guard import logger, report
from baserun._ledger import Stats
from baserun._queue import Item, RecordQueue
from baserun.exceptions import RowRejectedError, StoreUnavailableError
from baserun.store._contract import Sink
from baserun.store.rows import Row

if TYPE_CHECKING:
    from baserun._prepare import Preparer

MOST_PER_BATCH = 1000
"""Records in one transaction: enough to make its cost small for each, few enough to let other processes in."""
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between two tries while the store cannot be written; the pause doubles from the first to the longest."""
_FORK_PATIENCE = 0.5
_THREAD_RETRY = 1.0


class _Marker:
    """Travels through the queue to tell when everything before it is committed."""

    def __init__(self) -> None:
        self._reached = threading.Event()

    def reach(self) -> None:
        self._reached.set()

    def wait(self, timeout: float) -> bool:
        return self._reached.wait(timeout)


class Writer:
    """Writes records to the store that a configuration names."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._start_empty()

    def _start_empty(self) -> None:
        self._queue = RecordQueue(self._config.queue_bytes)
        self._preparer: Preparer | None = None
        self._interval = self._config.flush_interval
        self._thread: threading.Thread | None = None
        self._thread_failed_at = 0.0
        self._starting = threading.Lock()
        self._hurry: SimpleQueue[None] = SimpleQueue()
        self._io = threading.Lock()
        """Held by whoever writes. No thread of the application takes it except to flush or to fork."""
        self._holds_io_for_fork = False
        self._batch: list[Item] = []
        """Taken off the queue and not yet committed; whoever holds `_io` goes on with it."""
        self._rows: list[Row | None] = []
        """What the first ones of `_batch` were made into; None for a marker, and for one that was given up."""
        self._sink: Sink | None = None
        self._failing = False
        self._pause = FIRST_PAUSE
        self._drops_told: dict[str, int] = {}
        self._closed = False

    # On the application's threads

    def put(self, record: Any, size: int) -> None:
        """Take a record. Never waits, never raises."""
        if self._closed:
            self._queue.refuse("shutdown")
            return
        self._queue.put(record, size)
        if self._thread is None:
            self._start_thread()

    def flush(self, timeout: float) -> bool:
        """Have everything written that was put before."""
        deadline = time.monotonic() + timeout
        if self._thread is threading.current_thread():
            return False  # called by something that the writer itself runs, such as a `redact` function
        if self._thread is None and not self._queue.is_settled():
            self._start_thread()
        if self._thread is None:
            return self._drain(deadline)
        marker = _Marker()
        self._queue.mark(marker)
        self._hurry.put(None)
        return marker.wait(timeout)

    def stats(self) -> Stats:
        return self._queue.stats()

    def close(self, timeout: float) -> bool:
        """Write everything, stop the thread, release the store."""
        deadline = time.monotonic() + timeout
        flushed = self.flush(timeout)
        self._closed = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            self._queue.mark(_Marker())
            self._hurry.put(None)
            thread.join(max(0.1, deadline - time.monotonic()))
        if self._io.acquire(timeout=max(0.1, deadline - time.monotonic())):
            try:
                self._give_up_rest()
                if self._sink is not None:
                    self._sink.close()
                    self._sink = None
            finally:
                self._io.release()
        return flushed

    def at_exit(self) -> None:
        """Write what is queued while the interpreter waits, and from now on every record at once."""
        self.flush(self._config.exit_timeout)
        self._interval = 0.0

    # Forks

    def before_fork(self) -> None:
        """Wait until nobody is inside the store's library: its own locks would stay locked in the child."""
        self._holds_io_for_fork = self._io.acquire(timeout=_FORK_PATIENCE)

    def after_fork_in_parent(self) -> None:
        if self._holds_io_for_fork:
            self._holds_io_for_fork = False
            self._io.release()

    def after_fork_in_child(self) -> None:
        """Start empty: the parent writes what it has, with its own thread and connection."""
        sink = self._sink
        self._start_empty()
        if sink is not None:
            sink.forget()

    # The thread

    def _start_thread(self) -> None:
        if self._closed or not self._starting.acquire(blocking=False):
            return  # somebody else is starting it
        try:
            if self._thread is None and time.monotonic() - self._thread_failed_at >= _THREAD_RETRY:
                thread = threading.Thread(target=self._run, name="baserun-writer", daemon=True)
                self._thread = thread
                thread.start()
        except RuntimeError as error:  # no more threads here, or the interpreter is ending: flush writes inline
            self._thread = None
            self._thread_failed_at = time.monotonic()
            report("starting the writer's thread", error)
        finally:
            self._starting.release()

    def _run(self) -> None:
        me = threading.current_thread()
        try:
            while not self._closed and self._thread is me:
                self._write_next()
        finally:
            if self._thread is me:
                self._thread = None
                if not self._closed:  # it is being killed; what it had in hand is in `_batch`
                    self._start_thread()

    def _write_next(self) -> None:
        if self._batch:
            self._rest(self._pause)
        else:
            first = self._queue.wait()
            with self._io:
                self._batch.append(first)
            self._rest(self._interval)
        with self._io:
            self._write_batches(None)
        self._maintain()

    def _rest(self, seconds: float) -> None:
        """Let records gather, unless somebody is in a hurry."""
        if seconds <= 0 or self._closed:
            return
        try:
            self._hurry.get(timeout=seconds)
            while True:
                self._hurry.get_nowait()
        except Empty:
            return

    def _maintain(self) -> None:
        try:
            while self._queue.is_empty() and not self._batch and not self._closed:
                with self._io:
                    if self._sink is None or not self._sink.maintain():
                        return
        except Exception as error:
            report("maintaining the store", error)

    # Writing; the caller holds `_io`

    def _drain(self, deadline: float) -> bool:
        """Write everything in the calling thread: there is no other."""
        if not self._io.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            while self._batch or not self._queue.is_empty():
                left = deadline - time.monotonic()
                if left < 0 or not self._write_batches(left):
                    return False
            return True
        finally:
            self._io.release()

    def _write_batches(self, timeout: float | None) -> bool:
        """Write until the queue is empty; False when the store cannot be written now."""
        while True:
            self._batch.extend(self._queue.take(MOST_PER_BATCH - len(self._batch)))
            if not self._batch:
                return True
            self._prepare_batch()
            if not self._commit(timeout):
                return False

    def _prepare_batch(self) -> None:
        while len(self._rows) < len(self._batch):
            record, size = self._batch[len(self._rows)]
            row = None
            if not isinstance(record, _Marker):
                try:
                    row = self._row(record)
                except Exception as error:  # this one cannot be told; those beside it can
                    report("preparing a record", error)
                    self._queue.dropped("unreadable", 1, size)
            self._rows.append(row)

    def _row(self, record: Any) -> Row:
        if self._preparer is None:
            # With its regular expressions and price list it is the heavy half: not for the thread of a caller.
            from baserun._prepare import Preparer

            self._preparer = Preparer(self._config)
        return self._preparer(record)

    def _commit(self, timeout: float | None) -> bool:
        try:
            self._write(0, len(self._rows), timeout)
            self._tell_drops()
        except Exception as error:
            self._wait_for_better_times(error)
            return False
        batch, rows = self._batch, self._rows
        self._batch, self._rows = [], []
        sizes = [size for (_, size), row in zip(batch, rows, strict=True) if row is not None]
        self._queue.stored(len(sizes), sum(sizes))
        self._recovered()
        for record, _ in batch:
            if isinstance(record, _Marker):
                record.reach()
        return True

    def _write(self, start: int, stop: int, timeout: float | None) -> None:
        """Write these rows of the batch; when one is rejected halve until it stands alone, and give it up."""
        rows = [row for row in self._rows[start:stop] if row is not None]
        if not rows:
            return
        try:
            self._open_sink().write(rows, timeout=timeout)
        except RowRejectedError as error:
            if stop - start == 1:
                report("writing a record that the store does not take", error)
                self._rows[start] = None
                self._queue.dropped("rejected", 1, self._batch[start][1])
                return
            middle = (start + stop) // 2
            self._write(start, middle, timeout)
            self._write(middle, stop, timeout)

    def _open_sink(self) -> Sink:
        if self._sink is None:
            from baserun.store import open_sink

            self._sink = open_sink(self._config.store)
        return self._sink

    def _tell_drops(self) -> None:
        drops = self._queue.drops()
        fresh = {reason: count - self._drops_told.get(reason, 0) for reason, count in drops.items()}
        fresh = {reason: count for reason, count in fresh.items() if count}
        if not fresh:
            return
        self._open_sink().count_dropped(fresh)
        self._drops_told = drops
        for reason, count in fresh.items():
            if signals.records_dropped.receivers:
                signals.emit(signals.records_dropped, reason, count=count)

    def _wait_for_better_times(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            self._pause = FIRST_PAUSE
            mebibytes = self._config.queue_bytes / MEBIBYTE
            trace = None if isinstance(error, StoreUnavailableError) else error
            logger().error(
                "Baserun cannot write its records: %s. The application goes on; up to %.0f MiB wait in memory.",
                error,
                mebibytes,
                exc_info=trace,
            )
        else:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            self._pause = FIRST_PAUSE
            logger().warning("Baserun writes its records again; dropped so far: %s", self._queue.drops() or "none")

    def _give_up_rest(self) -> None:
        self._batch.extend(self._queue.take(sys.maxsize))
        rest = self._batch[: len(self._rows)], self._batch[len(self._rows) :]
        lost = [size for (_, size), row in zip(rest[0], self._rows, strict=True) if row is not None]
        lost += [size for record, size in rest[1] if not isinstance(record, _Marker)]
        self._batch, self._rows = [], []
        if lost:
            self._queue.dropped("shutdown", len(lost), sum(lost))
