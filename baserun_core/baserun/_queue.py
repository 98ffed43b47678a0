"""The way from the application's threads to the writer's: bounded by bytes, and every record counted."""

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
"""A record and what it is taken to weigh, in bytes; or a marker, which weighs nothing and is not counted."""


class RecordQueue:
    """Takes records from any thread, signal handler or finaliser, and never waits for I/O."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        # `put` may be entered again by the same thread (a finaliser or signal handler that records). SimpleQueue allows
        # that by contract; the lock is re-entrant and guards nothing but these counters.
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._bells: list[SimpleQueue[None]] = []
        """One for each thread that sleeps until something comes; rung once and gone."""
        self._lock = threading.RLock()
        self._bytes = 0
        self._captured = 0
        self._queued = 0
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
            self._queued += 1
            self._bytes += size
        self._items.put((record, size))
        if self._bells:
            self.wake()
        return True

    def refuse(self, reason: str) -> None:
        """Count a record that nobody will write."""
        with self._lock:
            self._captured += 1
            self._dropped[reason] += 1

    def mark(self, marker: Any) -> None:
        """Let the writer meet `marker` after everything that was put before it."""
        self._items.put((marker, 0))
        self.wake()

    def wake(self) -> None:
        """End every `wait`, whether something is there or not."""
        with suppress(IndexError):  # they may leave by themselves meanwhile
            while self._bells:
                self._bells.pop().put(None)

    def wait(self, is_over: Callable[[], bool], timeout: float | None = None) -> None:
        """Sleep until something is there, `timeout` seconds have passed, or somebody wakes us.

        Args:
            is_over: Whether there is nothing to wait for any more; who makes it so calls `wake` afterwards.
            timeout: Seconds; None sleeps for as long as it takes.
        """
        # Asked of the module each time: gevent replaces it, in gunicorn's workers after an application was loaded, and
        # a greenlet that slept in the original would let no other run.
        bell: SimpleQueue[None] = queue.SimpleQueue()
        self._bells.append(bell)
        try:
            if self._items.empty() and not is_over():  # asked now that whoever changes it rings
                with suppress(Empty):
                    bell.get(timeout=timeout)
        finally:
            with suppress(ValueError):
                self._bells.remove(bell)

    def take(self, batch: list[Item], most: int) -> None:
        """Move what is there now to the end of `batch`, `most` items at the most.

        In one step, without any Python code between: an exception that is raised into this thread from outside finds
        each item either still here or already there.
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
        """`count` records of `size` bytes together are committed."""
        with self._lock:
            self._stored += count
            self._queued -= count
            self._bytes -= size

    def dropped(self, reason: str, count: int, size: int) -> None:
        """`count` records that had been taken are given up."""
        with self._lock:
            self._dropped[reason] += count
            self._queued -= count
            self._bytes -= size

    def drops(self) -> dict[str, int]:
        """How many records were dropped so far, by reason."""
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
