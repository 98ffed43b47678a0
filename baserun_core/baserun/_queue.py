"""The queue from the application's threads to the writer's: bounded by bytes, and every record is counted."""

from __future__ import annotations

import queue
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import repeat, starmap
from queue import Empty, SimpleQueue
from typing import Any

from baserun._ledger import Stats

Item = tuple[Any, int]
"""A record and its estimated size in bytes; or a marker, of size 0, which is not counted."""


class RecordQueue:
    """Takes records from any thread, signal handler or finaliser, and never waits for I/O."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        # `put` may be re-entered by the same thread (a finaliser or signal handler that records). SimpleQueue documents
        # that it is re-entrant; the lock is too, and guards nothing but these counters.
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._bells: list[SimpleQueue[None]] = []
        """One for each waiting thread; each is rung once."""
        self._lock = threading.RLock()
        self._bytes = 0
        self._captured = 0
        self._queued = 0
        self._stored = 0
        # A defaultdict: its `+=` has no gap in which a signal handler's record would go uncounted.
        self._dropped: defaultdict[str, int] = defaultdict(int)

    def put(self, record: Any, size: int) -> bool:
        """Queue `record`, or drop it if the queue is full; return whether it was queued."""
        with self._lock:
            self._captured += 1
            if self._bytes + size > self._limit_bytes:
                self._dropped["queue_full"] += 1
                return False
            self._queued += 1
            self._bytes += size
        self._items.put((record, size))
        if self._bells:
            self.wake()
        return True

    def refuse(self, reason: str) -> None:
        """Count a record as dropped without queueing it."""
        with self._lock:
            self._captured += 1
            self._dropped[reason] += 1

    def mark(self, marker: Any) -> None:
        """Queue `marker` for the writer, behind everything put before."""
        self._items.put((marker, 0))
        self.wake()

    def wake(self) -> None:
        """End every `wait`, even if the queue is empty."""
        with suppress(IndexError):  # a waiting thread may remove its own meanwhile
            while self._bells:
                self._bells.pop().put(None)

    def wait(self, is_over: Callable[[], bool], timeout: float | None = None) -> None:
        """Sleep until the queue has an item, `timeout` seconds have passed, or `wake` is called.

        Args:
            is_over: Whether there is no reason to wait any more; whoever changes that calls `wake` afterwards.
            timeout: Seconds; None waits without limit.
        """
        # `queue.SimpleQueue` is looked up at each call: gevent replaces it, in gunicorn's workers after the application
        # was loaded, and a greenlet that waits in the original blocks all others.
        bell: SimpleQueue[None] = queue.SimpleQueue()
        self._bells.append(bell)
        try:
            if self._items.empty() and not is_over():  # checked after the bell is hung up, so no change is missed
                with suppress(Empty):
                    bell.get(timeout=timeout)
        finally:
            with suppress(ValueError):
                self._bells.remove(bell)

    def take(self, batch: list[Item], most: int) -> None:
        """Move up to `most` items to the end of `batch`.

        In one step, without Python code in between: when an exception is raised into this thread from outside, each
        item is either still in the queue or already in `batch`.
        """
        there = min(most, self._items.qsize())
        with suppress(Empty):
            batch.extend(starmap(self._items.get_nowait, repeat((), there)))

    def is_empty(self) -> bool:
        return self._items.empty()

    def is_settled(self) -> bool:
        """Whether every record was stored or dropped."""
        return self._queued == 0

    def stored(self, count: int, size: int) -> None:
        """Count `count` queued records, `size` bytes together, as committed."""
        with self._lock:
            self._stored += count
            self._queued -= count
            self._bytes -= size

    def dropped(self, reason: str, count: int, size: int) -> None:
        """Count `count` queued records, `size` bytes together, as dropped."""
        with self._lock:
            self._dropped[reason] += count
            self._queued -= count
            self._bytes -= size

    def drops(self) -> dict[str, int]:
        """Return the number of dropped records by reason."""
        with self._lock:
            return dict(self._dropped)

    def stats(self) -> Stats:
        with self._lock:
            dropped = dict(self._dropped)
            return Stats(
                captured=self._captured,
                stored=self._stored,
                queued=self._queued,
                dropped=dropped,
                queued_bytes=self._bytes,
            )
