"""Translating SQLite's errors to those of the store's contract."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from baserun.exceptions import RowRejectedError, StoreUnavailableError

UNSTORABLE = (
    OverflowError,
    UnicodeError,
    ValueError,
    TypeError,
    AttributeError,
    RecursionError,
    msgspec.MsgspecError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""Exceptions raised for a row that can never be stored."""


class OlderStoreError(StoreUnavailableError):
    """The store is of an older version; the next application that writes to it upgrades it."""


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is corrupt: malformed, or not a database."""
    return _primary(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_interrupt(error: sqlite3.Error) -> bool:
    """Whether the query was stopped by its time budget."""
    return _primary(error) == sqlite3.SQLITE_INTERRUPT


def unavailable(error: sqlite3.Error | OSError, path: str) -> StoreUnavailableError:
    """Return the error that says that the store cannot be used now, and why."""
    return StoreUnavailableError(f"The store {path} cannot be used at the moment: {_reason(error)}.")


@contextmanager
def rejecting() -> Iterator[None]:
    """Translate exceptions in the block that a row causes to `RowRejectedError`."""
    try:
        yield
    except UNSTORABLE as error:
        raise RowRejectedError(f"A row cannot be stored: {type(error).__name__}: {error}") from error


def _primary(error: sqlite3.Error) -> int | None:
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _reason(error: sqlite3.Error | OSError) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{error} ({getattr(error, 'sqlite_errorname', type(error).__name__)})"
