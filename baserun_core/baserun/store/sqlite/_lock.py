"""The lock of all writers, across threads and processes.

SQLite's own waiting is unfair and lets a commit overlap a checkpoint; `flock` queues its waiters, and the kernel
releases it when a process is killed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from baserun.exceptions import StoreLockedError, StoreUnavailableError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: only SQLite's own locks
    fcntl = None

POLL_SECONDS = 0.002
_FILE_MODE = 0o600


class WriteLock:
    """The lock file beside a store.

    Each instance opens the file itself, so that two sinks of one process exclude each other like two processes.
    """

    def __init__(self, store_path: str) -> None:
        self.path = f"{store_path}.lock"
        self._descriptor: int | None = None
        self._thread_lock = threading.Lock()

    @contextmanager
    def held(self, timeout: float | None = None) -> Iterator[None]:
        """Hold the lock during the block; raise `StoreLockedError` after `timeout` seconds, with None wait forever."""
        deadline = None if timeout is None else time.monotonic() + max(timeout, 0)
        if not self._thread_lock.acquire(timeout=-1 if timeout is None else max(timeout, 0)):
            raise self._busy(timeout)
        try:
            descriptor = self._acquire(deadline, timeout)
            try:
                yield
            finally:
                _unlock(descriptor)
        finally:
            self._thread_lock.release()

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def forget(self) -> None:
        """In a forked child: close the inherited descriptor; the parent keeps the lock, as it has the file open."""
        self._thread_lock = threading.Lock()
        self.close()

    def _acquire(self, deadline: float | None, timeout: float | None) -> int:
        while True:
            descriptor = self._open()
            self._wait(descriptor, deadline, timeout)
            if self._is_current(descriptor):
                return descriptor
            # The file was removed while we waited: later writers lock a new one.
            _unlock(descriptor)
            self.close()

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), _FILE_MODE)
            except OSError as error:
                raise StoreUnavailableError(f"The lock file {self.path} cannot be opened: {error.strerror}.") from error
        return self._descriptor

    def _wait(self, descriptor: int, deadline: float | None, timeout: float | None) -> None:
        if fcntl is None:
            return
        try:
            if deadline is None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                return
            while not _try_lock(descriptor):
                if time.monotonic() >= deadline:
                    raise self._busy(timeout)
                time.sleep(POLL_SECONDS)
        except OSError as error:
            raise StoreUnavailableError(f"The lock file {self.path} cannot be locked: {error.strerror}.") from error

    def _is_current(self, descriptor: int) -> bool:
        try:
            there, ours = os.stat(self.path), os.fstat(descriptor)
        except OSError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def _busy(self, timeout: float | None) -> StoreLockedError:
        return StoreLockedError(f"The store is locked: another writer has held {self.path} for {timeout} s.")


def _try_lock(descriptor: int) -> bool:
    assert fcntl is not None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(descriptor: int) -> None:
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
