"""The state of a store, for `baserun doctor`."""

from __future__ import annotations

import os
import sqlite3

from baserun.store.results import StoreInfo
from baserun.store.sqlite._migrate import newest_version, stored_version
from baserun.store.sqlite._search_index import watermark

_FIRST_DEFECTIVE, _FIRST_SOUND = (3, 7, 0), (3, 51, 3)
_SOUND_BACKPORTS = ((3, 44, 6), (3, 50, 7))
_PROBLEMS_SHOWN = 10
_VERSIONS, _OF_WAL = slice(18, 20), b"\x02\x02"
"""Offset of the write and read versions in the header of an SQLite file, and their values in WAL mode."""


def info(connection: sqlite3.Connection | None, path: str) -> StoreInfo:
    """Return the state of the store; `connection` is None if nothing was ever written."""
    counts = {name: _count(connection, name) for name in ("users", "sessions", "traces", "spans", "annotations")}
    return StoreInfo(
        path=path,
        exists=os.path.exists(path),
        size_bytes=_size(path),
        wal_bytes=_size(f"{path}-wal"),
        schema_version=None if connection is None else stored_version(connection),
        newest_schema_version=newest_version(),
        journal_mode=None if connection is None else _journal_mode(connection, path),
        sqlite_version=sqlite3.sqlite_version,
        has_wal_reset_defect=has_wal_reset_defect(sqlite3.sqlite_version_info),
        traces_without_session=_count(connection, "traces WHERE session_id IS NULL AND llm_calls > 0"),
        unindexed_spans=0 if connection is None else _unindexed(connection),
        problems=[] if connection is None else _problems(connection),
        **counts,
    )


def has_wal_reset_defect(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite can corrupt a file when a commit coincides with a checkpoint that resets the WAL."""
    if not _FIRST_DEFECTIVE <= version < _FIRST_SOUND:
        return False
    return not any(version[:2] == sound[:2] and version >= sound for sound in _SOUND_BACKPORTS)


def _count(connection: sqlite3.Connection | None, rows: str) -> int:
    return 0 if connection is None else int(connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0])


def _journal_mode(connection: sqlite3.Connection, path: str) -> str:
    with open(path, "rb") as file:
        versions = file.read(_VERSIONS.stop)[_VERSIONS]
    # An immutable connection reports every file as not in WAL mode.
    return "wal" if versions == _OF_WAL else str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def _unindexed(connection: sqlite3.Connection) -> int:
    query = "SELECT count(*) FROM contents WHERE id > ?"
    return int(connection.execute(query, (watermark(connection),)).fetchone()[0])


def _problems(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(f"PRAGMA quick_check({_PROBLEMS_SHOWN})")
    return [text for (text,) in rows if text != "ok"]


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
