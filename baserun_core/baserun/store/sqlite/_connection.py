"""The writing connection: opened when needed, checked at each transaction, replaced when the file is."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from baserun import _fork
from baserun._guard import say
from baserun.store._location import StoreLocation, make_folder
from baserun.store.sqlite._errors import is_corrupt, unavailable
from baserun.store.sqlite._lock import WriteLock
from baserun.store.sqlite._migrate import bring_up_to_date, check_version, stored_version

BUSY_TIMEOUT_MS = 5_000
"""For other programs that use the file; our own writers take turns by `WriteLock`."""
JOURNAL_SIZE_LIMIT = 64 * 1024 * 1024
CACHE_KIB = 16 * 1024
PAGE_SIZE = 8192
"""Twice SQLite's default: a prompt of 100 kB costs a quarter less, and short ones the same."""
CHECKPOINT_PAGES = 2_000
"""16 MB of WAL: a page that many batches change is copied into the file once."""
COMPANIONS = ("-wal", "-shm", "-journal")
OVERWRITE_IN_PAGES = "PRAGMA secure_delete = FAST"
"""Overwrite old versions of rows in their pages, which costs no additional writes.

It is always on: when a user is erased, it would be too late for the rows that changed before.
"""
OVERWRITE_EVERYTHING = "PRAGMA secure_delete = ON"
"""Also overwrite pages that become free."""

_FILE_MODE = 0o600

_forgotten: list[sqlite3.Connection] = []


class WriteConnection:
    """The connection that writes to the store at `location`."""

    def __init__(self, location: StoreLocation) -> None:
        self.path = location.path
        self.lock = WriteLock(location.path)
        self._location = location
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None

    @contextmanager
    def transaction(self, timeout: float | None = None) -> Iterator[sqlite3.Connection]:
        """Run the block in a write transaction under the lock: commit at its end, roll back if it raises.

        Raises:
            StoreUnavailableError: The store cannot be used now; nothing was written.
        """
        with self.exclusive(timeout) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                raise

    @contextmanager
    def exclusive(self, timeout: float | None = None) -> Iterator[sqlite3.Connection]:
        """Hold the lock and give the open connection, for statements that cannot run inside a transaction."""
        self._prepare_folder()
        with self.lock.held(timeout), _fork.in_one_piece():
            try:
                yield self._current()
            except sqlite3.Error as error:
                if is_corrupt(error):
                    self._set_aside(error)
                self._drop()
                raise unavailable(error, self.path) from error

    def exists(self) -> bool:
        """Whether the file exists; a transaction creates it otherwise.

        Raises:
            StoreUnavailableError: That cannot be found out.
        """
        return identity(self.path) is not None

    def close(self) -> None:
        """Close the connection and the lock file."""
        with _fork.in_one_piece():
            self._drop()
        self.lock.close()

    def close_before_fork(self, deadline: float) -> None:
        """Close the connection, which is not in use now; the next transaction opens another."""
        self._drop()

    def forget(self) -> None:
        """In a forked child: drop the parent's connection without touching its locks or its file."""
        if self._connection is not None:  # the fork could not wait for it, or was not noticed
            keep_forever(self._connection)
            self._connection = None
        self.lock.forget()

    def _current(self) -> sqlite3.Connection:
        if self._connection is not None and (self._identity != identity(self.path) or not os.path.getsize(self.path)):
            say("warning", "baserun: the store %s was removed or replaced; it is opened anew.", self.path)
            self._drop()
        if self._connection is None:
            self._connection = self._open()
        # A process with a newer Baserun may have upgraded it meanwhile; this one cannot write to newer tables.
        check_version(stored_version(self._connection), self.path)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        try:
            return self._connect()
        except sqlite3.DatabaseError as error:
            if not is_corrupt(error):
                raise
            self._set_aside(error)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        self._create_file()
        # Before opening: if the file is replaced meanwhile, the next transaction notices.
        self._identity = identity(self.path)
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        try:
            _configure(connection, self.path)
            bring_up_to_date(connection, self.path)
        except BaseException:
            connection.close()
            raise
        _fork.close_before(self)
        return connection

    def _drop(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _prepare_folder(self) -> None:
        if self._connection is not None and os.path.isdir(os.path.dirname(self.path)):
            return
        try:
            make_folder(self.path, is_own=self._location.is_default)
        except OSError as error:
            raise unavailable(error, self.path) from error

    def _create_file(self) -> None:
        # SQLite gives its companion files the mode of the database, so the mode is set here once.
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _FILE_MODE))
        except FileExistsError:
            return
        except OSError as error:
            raise unavailable(error, self.path) from error

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Rename a corrupt file, so that a new store can be created; data may be rescued from the old one."""
        self._drop()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = f"{self.path}.corrupt-{stamp}"
        try:
            os.rename(self.path, aside)
            for suffix in COMPANIONS:
                with contextlib.suppress(FileNotFoundError):
                    os.rename(self.path + suffix, aside + suffix)
        except OSError as problem:
            raise unavailable(problem, self.path) from problem
        say(
            "error",
            "baserun: the store %s is broken (%s); it was kept as %s, a new one begins.",
            self.path,
            error,
            aside,
        )


def identity(path: str) -> tuple[int, int] | None:
    """Return the device and inode of the file at `path`; None if there is none.

    Raises:
        StoreUnavailableError: That cannot be found out, since its folder is closed to this user.
    """
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unavailable(error, path) from error
    return (status.st_dev, status.st_ino)


def keep_forever(connection: sqlite3.Connection) -> None:
    """Keep this connection from ever being closed: after a fork it is the parent's, and so is its file.

    A reference in a module is not enough, since the interpreter clears modules at its exit.
    """
    _forgotten.append(connection)
    try:
        import ctypes

        count_one_more: Callable[[Any], None] = ctypes.pythonapi.Py_IncRef
        count_one_more(ctypes.py_object(connection))
    except (ImportError, AttributeError):  # an interpreter without ctypes: the list keeps it until the exit
        return


def _configure(connection: sqlite3.Connection, path: str) -> None:
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        say("warning", "baserun: the file system of %s has no WAL; its journal mode is %s.", path, mode)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_SIZE_LIMIT}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(OVERWRITE_IN_PAGES)
    connection.execute("PRAGMA temp_store = MEMORY")
