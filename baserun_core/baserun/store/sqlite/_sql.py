"""Small helpers for SQL text: lists of columns and of placeholders."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, compress, groupby
from operator import itemgetter
from typing import Any

blob = bytearray
"""How bytes are handed to a statement: Python's binding looks for an adapter of `bytes`, and of these it does not."""

CHUNK = 256
_ROWS_A_STEP = (64, 8)
"""Numbers of rows that one INSERT can have; the largest that fits comes first, and the rest goes row by row."""
_SIZES = (1, 8, 64, CHUNK)


def insert(table: str, columns: Sequence[str], *, verb: str = "INSERT") -> str:
    """An INSERT of one row with all of `columns`."""
    return f"{verb} INTO {table} ({', '.join(columns)}) VALUES ({placeholders(len(columns))})"


class Insert:
    """INSERTs into `table`; each row has the columns `always`, and of `others` those that it knows.

    What a row does not know is left out of its statement: Python's binding looks for an adapter of every None, which
    takes it four times as long as a number.
    """

    def __init__(self, table: str, always: tuple[str, ...], others: tuple[str, ...]) -> None:
        self._table = table
        self._always = always
        self._others = others
        self._statement = lru_cache(maxsize=256)(self._new_statement)
        self._latest: tuple[tuple[bool, ...], str] = ((), "")
        """What was there in the row before, which is mostly there in the next one too, and its statement."""

    def of(self, others: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
        """The statement for a row of which `others` are these values, and those of them that it takes."""
        present = tuple([value is not None for value in others])
        latest = self._latest
        if latest[0] != present:
            latest = self._latest = (present, self._statement(present))
        return latest[1], tuple(compress(others, present))

    def _new_statement(self, present: tuple[bool, ...]) -> str:
        return insert(self._table, (*self._always, *compress(self._others, present)))


def insert_all(connection: sqlite3.Connection, inserts: Iterable[tuple[str, tuple[Any, ...]]]) -> None:
    """Run INSERTs of one row each, with their values, in this order: those together that follow one another alike."""
    for statement, group in groupby(inserts, itemgetter(0)):
        insert_rows(connection, statement, [values for _, values in group])


def insert_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run an INSERT of one row for each of `rows`, in few steps.

    At every step Python's binding releases the interpreter's lock. Where a thread of the application never rests, it
    may take 5 ms each time to get it back (`sys.getswitchinterval`), and other processes wait for the transaction.
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
    """Run a statement for each of `rows`; for none of them it is not even prepared."""
    if rows:
        connection.executemany(sql, rows)


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
