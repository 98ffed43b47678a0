"""Small helpers for SQL text: lists of columns and of placeholders."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import compress, groupby
from typing import Any

blob = bytearray
"""How bytes are handed to a statement: Python's binding looks for an adapter of `bytes`, and of these it does not."""

CHUNK = 256
_SIZES = (1, 8, 64, CHUNK)


def insert(table: str, columns: Sequence[str], *, verb: str = "INSERT") -> str:
    """An INSERT of one row with all of `columns`."""
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({placeholders(len(columns))})"


def insert_rows(
    connection: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]
) -> None:
    """Insert rows in their order; the last columns may be missing from a row.

    Columns that a row has not are left out of its statement: Python's binding looks for an adapter of every None, which
    takes it four times as long as a number.
    """
    for present, group in groupby(rows, _presence):
        statement = _insert_present(table, columns, present)
        connection.executemany(statement, [tuple(compress(row, present)) for row in group])


def write_rows(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for each of `rows`; for none of them it is not even prepared."""
    if rows:
        connection.executemany(sql, rows)


def _presence(row: tuple[Any, ...]) -> tuple[bool, ...]:
    return tuple([value is not None for value in row])


@lru_cache(maxsize=256)
def _insert_present(table: str, columns: tuple[str, ...], present: tuple[bool, ...]) -> str:
    return insert(table, tuple(compress(columns, present)))


def update(table: str, columns: Sequence[str]) -> str:
    """An UPDATE of `columns` of the row whose id is the last parameter."""
    return f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"


def placeholders(count: int) -> str:
    """`count` question marks."""
    return ", ".join("?" * count)


def select_in(connection: sqlite3.Connection, sql: str, values: Iterable[Any]) -> Iterator[Any]:
    """The rows of `sql`, which has ``{}`` where the list of a few hundred values at a time belongs.

    The lists are filled up to a few lengths, so that SQLite's prepared statements are used again.
    """
    remaining = list(values)
    for start in range(0, len(remaining), CHUNK):
        chunk = remaining[start : start + CHUNK]
        size = next(size for size in _SIZES if size >= len(chunk))
        chunk.extend([None] * (size - len(chunk)))
        yield from connection.execute(sql.format(placeholders(size)), chunk)
