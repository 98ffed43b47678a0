"""Reading connections: one per thread, read-only, replaced when the file is."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from baserun import _fork
from baserun.exceptions import NarrowFilterError
from baserun.store.sqlite._connection import BUSY_TIMEOUT_MS, identity, keep_forever
from baserun.store.sqlite._errors import OlderStoreError, is_interrupt, unavailable
from baserun.store.sqlite._file_state import file_state
from baserun.store.sqlite._migrate import check_ours, check_version, newest_version, stored_version

CHECK_EVERY = 1_000
"""SQLite virtual machine instructions between two checks of the time budget: well under a millisecond."""
CACHE_KIB = 16 * 1024
_QUERY_POLL = 0.001
"""Seconds between two looks at whether a query has ended."""


class Reader:
    """Runs queries on the file at `path`, each within `budget` seconds."""

    def __init__(self, path: str, budget: float | None) -> None:
        self.path = path
        self.budget = budget
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[_Connection] = weakref.WeakSet()
        """Weak: each is referenced by its thread alone, and is closed when the thread ends."""

    @contextmanager
    def transaction(self, *, is_bounded: bool = True) -> Iterator[sqlite3.Connection | None]:
        """Give a connection that sees one state of the store; None if nothing was ever written.

        Raises:
            NarrowFilterError: The query took longer than the budget.
            StoreUnavailableError: The store cannot be read.
        """
        try:
            known = self._current()
            if known is None:
                yield None
                return
            connection = known.sqlite
            try:
                with _bounded(connection, self.budget if is_bounded else None):
                    connection.execute("BEGIN")
                    try:
                        check_version(stored_version(connection), self.path)  # it may have been upgraded meanwhile
                        yield connection
                    finally:
                        connection.execute("COMMIT")
            finally:
                known.uses -= 1
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            while self._open:
                self._open.pop().close()
        self._local = threading.local()

    def _current(self) -> _Connection | None:
        """Return the connection of this thread, with a use that the caller ends; None if nothing was ever written."""
        file = identity(self.path)
        known: _Connection | None = getattr(self._local, "connection", None)
        if known is not None:
            known.uses += 1  # before it is looked at: from now on no fork closes it
            if known.is_for(file, self.path):
                return known
            self._let_go(known)
            known.uses -= 1
        if file is None:
            return None
        with _fork.in_one_piece():
            known = self._connect(file)
            if known is None:
                return None
            _fork.close_before(known)
        self._local.connection = known
        with self._lock:
            self._open.add(known)
        return known

    def _let_go(self, known: _Connection) -> None:
        self._local.connection = None
        known.close()
        with self._lock:
            self._open.discard(known)

    def _connect(self, file: tuple[int, int]) -> _Connection | None:
        connection, state = _connect(self.path)
        try:
            check_ours(connection, self.path)
            version = stored_version(connection)
            if version == 0:
                connection.close()
                return None
            check_version(version, self.path)
            _require(version, self.path)
        except BaseException:
            connection.close()
            raise
        return _Connection(connection, file, state)

    def _explain(self, error: sqlite3.Error) -> Exception:
        if is_interrupt(error):
            return NarrowFilterError(
                f"The question took longer than {self.budget} s. Narrow it: name a user, a session, or a shorter time."
            )
        return unavailable(error, self.path)


class _Connection:
    """A connection with the process and the file that it belongs to.

    Args:
        connection: The connection.
        file: The `identity` of the file.
        state: The `file_state` when it was opened, for a connection that does not see later writes; otherwise None.
    """

    def __init__(self, connection: sqlite3.Connection, file: tuple[int, int], state: str | None) -> None:
        self.sqlite = connection
        self.uses = 1
        """The number of queries that are running."""
        self._is_retired = False
        self._file = file
        self._state = state
        self._process = os.getpid()
        # Its thread or greenlet may end, or its store be dropped unclosed. From Python 3.13 on a connection that is not
        # closed then warns, and in a reference cycle the order of finalisers is undefined.
        self._closing = weakref.finalize(self, _close, connection, self._process)
        self._closing.atexit = False

    def is_for(self, file: tuple[int, int] | None, path: str) -> bool:
        if self._is_retired or self._file != file or self._process != os.getpid():
            return False
        return self._state is None or self._state == file_state(path)

    def close_before_fork(self, deadline: float) -> None:
        # In this order: a thread that begins to use it either is seen here, or sees that it is retired.
        self._is_retired = True
        while self.uses and time.monotonic() < deadline:
            time.sleep(_QUERY_POLL)
        if self.uses:
            self._is_retired = False
        else:
            self.close()

    def close(self) -> None:
        self._closing()


def _close(connection: sqlite3.Connection, process: int) -> None:
    if process != os.getpid():
        keep_forever(connection)
        return
    with contextlib.suppress(sqlite3.Error):
        connection.close()


def _connect(path: str) -> tuple[sqlite3.Connection, str | None]:
    """Return a connection, and the state of the file if the connection cannot see later writes (else None)."""
    try:
        return _try_connect(path, "mode=ro"), None
    except sqlite3.OperationalError:
        # SQLite cannot create its shared memory in a read-only folder; a file without a WAL can be read without it.
        if os.path.exists(f"{path}-wal") and os.path.getsize(f"{path}-wal") > 0:
            raise
        state = file_state(path)  # before opening: the next query notices what is written meanwhile
        return _try_connect(path, "mode=ro&immutable=1"), state


def _try_connect(path: str, options: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?{options}",
        uri=True,
        timeout=BUSY_TIMEOUT_MS / 1000,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _require(version: int, path: str) -> None:
    if version < newest_version():
        raise OlderStoreError(
            f"The store {path} has version {version}, this Baserun reads version {newest_version()}. "
            "It is upgraded when an application that runs this Baserun writes to it for the first time."
        )


@contextmanager
def _bounded(connection: sqlite3.Connection, budget: float | None) -> Iterator[None]:
    if budget is None:
        yield
        return
    deadline = time.monotonic() + budget
    connection.set_progress_handler(lambda: time.monotonic() > deadline, CHECK_EVERY)
    try:
        yield
    finally:
        connection.set_progress_handler(None, 0)
