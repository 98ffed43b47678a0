"""SQL statements that insert many rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun.store.sqlite._sql import insert, insert_all, insert_rows

INSERT = insert("words", ("id", "word"))


@pytest.fixture(name="connection")
def _connection() -> Iterator[sqlite3.Connection]:
    with closing(_words()) as connection:
        yield connection


@given(st.integers(0, 300))
def test_every_row_is_inserted_once_and_in_order(count: int) -> None:
    """Any number of rows is inserted once and in order."""
    rows = [(number, f"word {number}") for number in range(count)]
    with closing(_words()) as connection:
        insert_rows(connection, INSERT, rows)

        assert connection.execute("SELECT * FROM words").fetchall() == rows


def test_many_rows_take_few_steps(connection: sqlite3.Connection) -> None:
    """A thousand rows take fewer than 30 statements: at each one a busy thread may hold up the writer's transaction."""
    steps: list[str] = []
    connection.set_trace_callback(steps.append)

    insert_rows(connection, INSERT, [(number, "word") for number in range(1000)])

    assert len([step for step in steps if step.startswith("INSERT")]) < 30


def test_rows_of_several_shapes_keep_their_order(connection: sqlite3.Connection) -> None:
    """Rows with statements for different columns are inserted in order, with NULL for what a row leaves out."""
    shorter = insert("words", ("id",))
    rows = [(shorter, (number,)) if number % 20 == 7 else (INSERT, (number, "word")) for number in range(100)]

    insert_all(connection, rows)

    expected = [(number, None if number % 20 == 7 else "word") for number in range(100)]
    assert connection.execute("SELECT * FROM words ORDER BY rowid").fetchall() == expected


def _words() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT)")
    return connection
