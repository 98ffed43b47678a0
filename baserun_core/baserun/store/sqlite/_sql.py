"""Building and running statements: lists of columns and placeholders, INSERTs of many rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, compress, groupby
from operator import itemgetter
from typing import Any

blob = bytearray
"""The type in which bytes are bound: the sqlite3 module searches for an adapter of `bytes`, but not of `bytearray`."""

CHUNK = 256
_ROWS_A_STEP = (64, 8)
"""Rows in one INSERT: the largest number that fits is taken; the remaining rows are inserted one by one."""
_SIZES = (1, 8, 64, CHUNK)


def insert(table: str, columns: Sequence[str], *, verb: str = "INSERT") -> str:
    """Return an INSERT of one row with all of `columns`."""
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({placeholders(len(columns))})"


class Insert:
    """INSERTs into `table`: each row has the columns `always`, then those of `others` that are not None.

    None is left out since the sqlite3 module searches for an adapter of it, which takes four times as long as binding
    a number.
    """

    def __init__(self, table: str, always: tuple[str, ...], others: tuple[str, ...]) -> None:
        self._table = table
        self._always = always
        self._others = others
        self._statement = lru_cache(maxsize=256)(self._new_statement)
        self._latest: tuple[tuple[bool, ...], str] = ((), "")
        """The columns present in the previous row, mostly those of the next one too, and its statement."""

    def of(self, others: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """Return the statement for a row with these values of `others`, and the values that are not None."""
        present = tuple([value is not None for value in others])
        latest = self._latest
        if latest[0] != present:
            latest = self._latest = (present, self._statement(present))
        return latest[1], tuple(compress(others, present))

    def _new_statement(self, present: tuple[bool, ...]) -> str:
        return insert(self._table, (*self._always, *compress(self._others, present)))


def insert_all(connection: sqlite3.Connection, inserts: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
    """Run INSERTs of one row each, with their values, in this order; consecutive equal ones are run together."""
    for statement, group in groupby(inserts, itemgetter(0)):
        insert_rows(connection, statement, [values for _, values in group])


def insert_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run an INSERT of one row for each of `rows`, in few steps.

    The sqlite3 module releases the interpreter's lock at each step. If a thread of the application is always busy,
    getting it back may take 5 ms each time (`sys.getswitchinterval`), while other processes wait for the transaction.
    """
    done = 0
    for size in _ROWS_A_STEP:
        while len(rows) - done >= size:
            values = tuple(chain.from_iterable(rows[done : done + size]))
            connection.execute(_insert_of(statement, size), values)
            done += size
    write_rows(connection, statement, rows[done:])


@lru_cache(maxsize=256)
def _insert_of(statement: str, size: int) -> str:
    """Extend an INSERT of one row to `size` rows."""
    row = statement[statement.rindex("(") :]
    return statement + f", {row}" * (size - 1)


def write_rows(connection: sqlite3.Connection, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a statement for each of `rows`; without rows it is not even prepared."""
    if rows:
        connection.executemany(sql, rows)


def update(table: str, columns: Sequence[str]) -> str:
    """Return an UPDATE of `columns` in the row whose id is the last parameter."""
    return f"UPDATE {table} SET {', '.join(f'{column} = ?' for column in columns)} WHERE id = ?"


def placeholders(count: int) -> str:
    """Return `count` question marks."""
    return ", ".join("?" * count)


def select_in(connection: sqlite3.Connection, sql: str, values: Iterable[Any]) -> Iterator[Any]:
    """Run `sql` with ``{}`` replaced by a list of placeholders for `values`, a chunk at a time; iterate over the rows.

    The lists are padded with NULL to one of a few lengths, so that prepared statements are reused.
    """
    remaining = list(values)
    for start in range(0, len(remaining), CHUNK):
        chunk = remaining[start : start + CHUNK]
        size = next(size for size in _SIZES if size >= len(chunk))
        chunk.extend([None] * (size - len(chunk)))
        yield from connection.execute(sql.format(placeholders(size)), chunk)
