"""The background thread that writes queued records to the store, through forks and to the end of the process.

A daemon thread starts with the first record; if it dies, the next record starts another. It is stopped before a fork,
and the child starts with an empty queue. While the interpreter exits, the thread that puts a record writes it. In a
process that may be killed without notice, it waits until the record is written.
"""

from __future__ import annotations

import _thread
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any

from baserun import _fork
from baserun._config import Config
from baserun._delivery import Delivery, Marker
from baserun._guard import report
from baserun._ledger import Stats
from baserun._process_end import Allowance, ends_without_notice, write_before_end
from baserun._queue import RecordQueue

_FORK_PATIENCE = 0.5
"""Seconds that a fork waits for the thread to write its batch, which may have to wait for other processes."""
_THREAD_RETRY = 1.0
"""Seconds before starting the thread is tried again after a failure."""


class Writer:
    """Writes records to the store that a configuration names."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._start_empty()

    def _start_empty(self) -> None:
        self._queue = RecordQueue(self._config.queue_bytes)
        self._delivery = Delivery(self._config, self._queue)
        self._interval = self._config.flush_interval
        self._thread: threading.Thread | None = None
        self._thread_failed_at = float("-inf")
        self._starting = threading.Lock()
        self._hurry: SimpleQueue[None] = queue.SimpleQueue()
        self._io = threading.Lock()
        """Held while writing. The application's threads take it only to flush, to close and at exit."""
        self._io_holder: int | None = None
        self._exit_deadline: float | None = None
        """Set when the interpreter exits, from when on threads cannot be relied on."""
        self._is_end_followed = False
        self._allowance: Allowance | None = None
        """Of a process that ends without notice: how long records may wait here until they are written."""
        self._closed = False
        self._is_over = False

    # On the application's threads

    def put(self, record: Any, size: int) -> None:
        """Queue a record. Never raises, and never waits unless the process exits, or may end without notice."""
        if self._closed:
            self._queue.refuse("shutdown")
            return
        self._queue.put(record, size)
        if self._thread is None:
            self._start_or_write()
        if self._allowance is not None:
            self._allowance.spend(self.flush)

    def flush(self, timeout: float) -> bool:
        """Wait until everything put before is written; return whether it is committed."""
        deadline = time.monotonic() + timeout
        if self._queue.is_settled() and not self._delivery.upkeep.is_overdue:
            return True
        if self._is_writing_here():
            return False  # called from inside the writing, for example by a `redact` function
        if self._thread is None and self._exit_deadline is None:
            self._start_thread()
        if self._thread is None:
            return self._drain(deadline)
        marker = Marker()
        self._queue.mark(marker)
        self._hurry.put(None)
        return marker.wait(timeout)

    def stats(self) -> Stats:
        return self._queue.stats()

    def close(self, timeout: float) -> bool:
        """Write everything, stop the thread, and release the store; return whether everything is committed."""
        deadline = time.monotonic() + timeout
        self.flush(timeout)
        self._closed = True
        thread = self._dismiss_thread()
        if thread is not None:
            thread.join(max(0.1, deadline - time.monotonic()))
        if self._is_writing_here():
            self._is_over = True
            return False
        flushed = self._drain(deadline)
        self._is_over = True  # a thread that is still writing releases the store when it is done
        self._release(max(0.1, deadline - time.monotonic()))
        return flushed

    def at_exit(self) -> None:
        """Write what is queued before the interpreter exits, and every later record at once."""
        deadline = time.monotonic() + self._config.exit_timeout
        self._exit_deadline = deadline
        self.flush(self._config.exit_timeout)
        self._dismiss_thread()
        self._drain(deadline)

    # Forks

    def before_fork(self) -> None:
        """Stop the thread: locks that it holds inside SQLite would stay locked in the child."""
        thread = self._dismiss_thread()
        if thread is not None:
            thread.join(_FORK_PATIENCE)

    def after_fork_in_parent(self) -> None:
        if self._queue.is_settled():
            return
        if _fork.must_not_wait():
            with suppress(RuntimeError):  # no thread can be started: the next record tries again
                _thread.start_new_thread(self._start_or_write, ())
        else:
            self._start_or_write()

    def after_fork_in_child(self) -> None:
        """Start with an empty queue: the parent writes its records with its own thread and connection."""
        delivery = self._delivery
        self._start_empty()
        delivery.forget()

    # The thread

    def _start_or_write(self) -> None:
        """Start the thread, or where that is impossible write here: something is queued and no thread runs."""
        if self._closed:
            self._release(0.0)
        elif self._exit_deadline is None and threading.main_thread().is_alive():
            self._start_thread()
        elif not sys.is_finalizing() and not self._is_writing_here():
            if self._exit_deadline is None:  # first use in an exit handler
                self._exit_deadline = time.monotonic() + self._config.exit_timeout
            self._drain(self._exit_deadline)

    def _start_thread(self) -> None:
        if self._closed or not self._starting.acquire(blocking=False):
            return  # another thread is starting it
        try:
            if self._thread is None and time.monotonic() - self._thread_failed_at >= _THREAD_RETRY:
                self._hurry = queue.SimpleQueue()  # of the kind that this thread is, see `RecordQueue.wait`
                thread = threading.Thread(target=self._run, name="baserun-writer", daemon=True)
                self._thread = thread
                thread.start()
                if not self._is_end_followed:
                    self._is_end_followed = True
                    write_before_end(self.at_exit)
                    if ends_without_notice():
                        self._allowance = Allowance(self._config.exit_timeout)
        except RuntimeError as error:  # the process can start no thread: `flush` writes in the calling one
            self._thread = None
            self._thread_failed_at = time.monotonic()
            report("starting the writer's thread", error)
        finally:
            self._starting.release()

    def _dismiss_thread(self) -> threading.Thread | None:
        """Let the thread end after its current batch, and return it if it can be joined."""
        thread, self._thread = self._thread, None
        self._queue.wake()
        self._hurry.put(None)
        return thread if thread is not None and thread.is_alive() and thread is not threading.current_thread() else None

    def _run(self) -> None:
        me = threading.current_thread()
        try:
            while self._thread is me:
                self._write_next()
        finally:
            if self._thread is me:  # an exception from outside ended it; the next thread continues its batch
                self._thread = None
                self._start_or_write()
        if self._is_over:
            self._release(None)

    def _write_next(self) -> None:
        if self._delivery.has_leftovers:
            self._rest(self._delivery.outage.pause)
        else:
            me = threading.current_thread()
            self._queue.wait(lambda: self._thread is not me, self._delivery.upkeep.pause)
            if not self._queue.is_empty():
                self._rest(self._interval)
        self._write_waiting()
        self._maintain()

    def _write_waiting(self) -> None:
        """Write batch after batch; stop after the current one if a fork or the exit waits for this thread."""
        is_writable = True
        while is_writable and not self._delivery.is_done:
            with self._io, self._as_holder():
                is_writable = self._delivery.write_batch(None)
            if self._thread is not threading.current_thread():
                return

    def _rest(self, seconds: float) -> None:
        """Let records gather for a while, unless `flush` is in a hurry."""
        with suppress(Empty):
            self._hurry.get(timeout=seconds)
            while True:
                self._hurry.get_nowait()
        if self._thread is not threading.current_thread():
            self._hurry.put(None)  # it may have been meant for the thread that replaced this one

    def _maintain(self) -> None:
        upkeep = self._delivery.upkeep
        try:
            while upkeep.is_due and self._thread is threading.current_thread() and self._delivery.is_done:
                with self._io, self._as_holder():
                    self._delivery.maintain()
        except Exception as error:
            upkeep.done()
            report("maintaining the store", error)

    # Writing

    def _drain(self, deadline: float) -> bool:
        """Write everything in the calling thread; return whether that was done in time."""
        if not self._io.acquire(timeout=max(0.0, deadline - time.monotonic())):
            return False
        try:
            with self._as_holder():
                while not self._delivery.is_done:
                    left = deadline - time.monotonic()
                    if left < 0 or not self._delivery.write_batch(left):
                        return False
                return True
        finally:
            self._io.release()

    def _release(self, patience: float | None) -> None:
        """Release the store; if another thread is still writing, leave it to that one."""
        if not self._io.acquire(timeout=-1 if patience is None else patience):
            return
        try:
            with self._as_holder():
                self._delivery.close()
        finally:
            self._io.release()

    @contextmanager
    def _as_holder(self) -> Iterator[None]:
        self._io_holder = threading.get_ident()
        try:
            yield
        finally:
            self._io_holder = None

    def _is_writing_here(self) -> bool:
        """Whether this thread is the one that is writing, so that the call comes from inside the writing."""
        return self._io_holder == threading.get_ident() or self._thread is threading.current_thread()
