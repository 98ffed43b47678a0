"""The way from the application's threads to the writer's: bounded by bytes, and every record counted."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from queue import Empty, SimpleQueue
from typing import Any

from baserun._ledger import Stats

Item = tuple[Any, int]
"""A record and what it is taken to weigh, in bytes; or a marker, which weighs nothing and is not counted."""


class RecordQueue:
    """Takes records from any thread, signal handler or finaliser, and never waits for I/O."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        # `put` may be entered again by the same thread (a finaliser or signal handler that records). SimpleQueue allows
        # that by contract; the lock is re-entrant and guards nothing but these counters.
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._lock = threading.RLock()
        self._bytes = 0
        self._captured = 0
        self._stored = 0
        # Adding to it runs no Python code in between, so that a record put by a signal handler then is counted as well.
        self._dropped: defaultdict[str, int] = defaultdict(int)

    def put(self, record: Any, size: int) -> bool:
        """Take `record`, or drop it when too much is waiting already."""
        with self._lock:
            self._captured += 1
            if self._bytes + size > self._limit_bytes:
                self._dropped["queue_full"] += 1
                return False
            self._bytes += size
        self._items.put((record, size))
        return True

    def refuse(self, reason: str) -> None:
        """Count a record that nobody will write."""
        with self._lock:
            self._captured += 1
            self._dropped[reason] += 1

    def mark(self, marker: Any) -> None:
        """Let the writer meet `marker` after everything that was put before it."""
        self._items.put((marker, 0))

    def wait(self) -> Item:
        """The next item, however long it takes."""
        return self._items.get()

    def take(self, most: int) -> Iterator[Item]:
        """What is there now, without waiting, `most` items at the most."""
        try:
            for _ in range(most):
                yield self._items.get_nowait()
        except Empty:
            return

    def is_empty(self) -> bool:
        return self._items.empty()

    def is_settled(self) -> bool:
        """Whether every record was stored or dropped."""
        return self.stats().queued == 0

    def stored(self, count: int, size: int) -> None:
        """`count` records of `size` bytes together are committed."""
        with self._lock:
            self._stored += count
            self._bytes -= size

    def dropped(self, reason: str, count: int, size: int) -> None:
        """`count` records that had been taken are given up."""
        with self._lock:
            self._dropped[reason] += count
            self._bytes -= size

    def drops(self) -> dict[str, int]:
        """How many records were dropped so far, by reason."""
        with self._lock:
            return dict(self._dropped)

    def stats(self) -> Stats:
        with self._lock:
            lost = sum(self._dropped.values())
            return Stats(
                captured=self._captured,
                stored=self._stored,
                queued=self._captured - self._stored - lost,
                dropped=dict(self._dropped),
                queued_bytes=self._bytes,
            )
