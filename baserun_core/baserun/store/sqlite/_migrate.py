"""Creating a store, and upgrading it to the version of this code.

A new store is created from `schema.sql`. On an older one the numbered files of `migrations/` that it lacks are run,
each in one transaction that also sets the version. The caller holds the write lock.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import msgspec

from baserun.exceptions import StoreUnavailableError, StoreVersionError

APPLICATION_ID = 0x42735231
"""Marks the file as Baserun's ("BsR1")."""


class Migration(msgspec.Struct, frozen=True):
    """The upgrade to `version` from the one before."""

    version: int
    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """Return all migrations, the earliest first."""
    folder = files("baserun.store.sqlite") / "migrations"
    return tuple(sorted((_migration(entry) for entry in folder.iterdir() if entry.name.endswith(".sql")), key=_version))


@cache
def schema() -> str:
    """Return the SQL that creates a new store."""
    return (files("baserun.store.sqlite") / "schema.sql").read_text(encoding="utf-8")


def newest_version() -> int:
    """Return the version that this code writes."""
    return migrations()[-1].version


def stored_version(connection: sqlite3.Connection) -> int:
    """Return the version of the store; 0 if it is still empty."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def bring_up_to_date(connection: sqlite3.Connection, path: str, steps: tuple[Migration, ...] | None = None) -> None:
    """Create or upgrade the store.

    Raises:
        StoreVersionError: It is newer than this code.
        StoreUnavailableError: It is an SQLite database of another program.
    """
    steps = migrations() if steps is None else steps
    check_ours(connection, path)
    version = stored_version(connection)
    check_version(version, path, steps[-1].version)
    if version == 0:
        _run(connection, schema(), migrations()[-1].version)
        version = migrations()[-1].version
    for step in steps:
        if step.version > version:
            _run(connection, step.sql, step.version)


def check_version(version: int, path: str, newest: int | None = None) -> None:
    """Raise `StoreVersionError` for a store that is newer than this code."""
    known = newest_version() if newest is None else newest
    if version > known:
        raise StoreVersionError(
            f"The store {path} has version {version}, this Baserun knows versions up to {known} and does not touch it. "
            "Upgrade baserun, or name another file as the store."
        )


def check_ours(connection: sqlite3.Connection, path: str) -> None:
    """Raise `StoreUnavailableError` for an SQLite database of another program."""
    # In this order: a store gets its mark and its tables in one commit, which may come between the two queries.
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None:
        return
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark != APPLICATION_ID:
        raise StoreUnavailableError(
            f"The file {path} is an SQLite database of another program. Name a file of its own as the store."
        )


def _run(connection: sqlite3.Connection, sql: str, version: int) -> None:
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\n{marks}\nCOMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.rollback()
        raise


def _migration(entry: Traversable) -> Migration:
    number, _, name = entry.name.removesuffix(".sql").partition("_")
    return Migration(int(number), name, entry.read_text(encoding="utf-8"))


def _version(migration: Migration) -> int:
    return migration.version
