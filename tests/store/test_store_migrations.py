"""Migrations of a store to the next version, complete or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from baserun.exceptions import StoreUnavailableError, StoreVersionError
from baserun.store import Sink, Store
from baserun.store.rows import OpenSession
from baserun.store.sqlite import _migrate
from baserun.store.sqlite._hours import RECOUNTS
from baserun.store.sqlite._migrate import (
    Migration,
    bring_up_to_date,
    check_ours,
    migrations,
    newest_version,
    stored_version,
)

LATER = Migration(99, "later", "CREATE TABLE extra (id INTEGER PRIMARY KEY); INSERT INTO extra VALUES (7);")
BROKEN = Migration(100, "broken", "CREATE TABLE half (id INTEGER PRIMARY KEY); INSERT INTO nowhere VALUES (1);")


@pytest.fixture(name="connection")
def _connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "x.sqlite3", isolation_level=None)) as connection:
        yield connection


def _schema(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name")
    return [(kind, name, "".join((sql or "").split())) for kind, name, sql in rows]  # ALTER TABLE adds no line breaks


def test_migrated_equals_fresh(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """A store migrated through every version has the schema of a new one."""
    for step in migrations():
        _migrate._run(connection, step.sql, step.version)
    with closing(sqlite3.connect(tmp_path / "fresh.sqlite3", isolation_level=None)) as fresh:
        bring_up_to_date(fresh, "fresh")

        assert _schema(connection) == _schema(fresh)
        assert stored_version(connection) == stored_version(fresh) == newest_version()


def test_hours_are_counted_when_an_older_store_is_upgraded(
    new_sink: Callable[[], Sink], store: Store, make: Any, path: Path
) -> None:
    """The upgrade of a store without tables of hours fills them with the same rows as recording does."""
    sink = new_sink()
    for number, user in enumerate(("ann", "bob", None, "ann")):
        trace = make.trace(number * 3000, user_identifier=user, user_strength=3 if user else 0, status="error")
        call = make.call(number, trace, request_model="small", cost_nano=number or None, input_tokens=number)
        sink.write([call, trace, make.call(number + 10, trace, status="error", request_model="large")])
    sink.write([make.trace(50), make.call(51, make.trace(51, status="running"))])  # one without a call, one unfinished
    sink.close()
    fresh = _hours(path)
    _make_version_2(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript("".join(f"DROP TABLE {name};" for name in fresh))
    _set_version(path, 1)

    new_sink().write([])

    assert all(fresh.values())
    assert _hours(path) == fresh
    assert store.verify() == []


def test_calls_of_unknown_cost_are_counted_when_an_older_store_is_brought_up_to_date(
    new_sink: Callable[[], Sink], store: Store, make: Any, path: Path
) -> None:
    """A store in which only LLM calls were counted answers like one that always counted all of them."""
    sink = new_sink()
    ann = make.trace(1, user_identifier="ann", user_strength=3)
    bob = make.trace(4000, session="t", user_identifier="bob", user_strength=3)
    alone, silent = make.trace(2, session=None), make.trace(3)
    calls: list[tuple[str, Any, dict[str, Any]]] = [
        ("llm", ann, {"cost_nano": 7, "request_model": "small"}),
        ("llm", bob, {"status": "error", "request_model": "small"}),
        ("embedding", ann, {"cost_nano": 3, "request_model": "vectors"}),
        ("audio", ann, {"request_model": "voice"}),
        ("audio", bob, {"request_model": "voice", "status": "error"}),
        ("image", alone, {"request_model": "painter"}),
        ("moderation", ann, {"operation": "moderation", "response_model": "omni-moderation-latest", "cost_nano": 0}),
        ("moderation", bob, {"operation": "moderation", "request_model": "text-moderation-007", "cost_nano": 0}),
        ("moderation", alone, {"operation": "moderation", "cost_nano": 0}),
        ("moderation", bob, {"operation": "moderation", "request_model": "our-own"}),
        ("moderation", bob, {"operation": "moderation", "provider": "mistral_ai"}),
        ("llm", ann, {"operation": "retrieve_response", "cost_nano": 0, "response_model": "small"}),
        ("llm", bob, {"operation": "retrieve_response", "input_tokens": 5, "response_model": "small"}),
    ]
    sink.write([make.call(number, trace, kind=kind, **more) for number, (kind, trace, more) in enumerate(calls)])
    sink.write([ann, bob, alone, silent])
    sink.close()
    fresh = _everything(path, store)
    _make_version_2(path)

    new_sink().write([])

    assert _everything(path, store) == fresh
    assert store.verify() == []
    assert {user.user_identifier: user.unpriced_calls for user in store.users()} == {"ann": 1, "bob": 5}


def test_an_older_store_is_not_read_before_its_upgrade(new_sink: Callable[[], Sink], store: Store, path: Path) -> None:
    """A reader does not upgrade an older store: it raises and says when that happens."""
    new_sink().write([OpenSession(id="s", at_us=1)])
    _set_version(path, 1)

    with pytest.raises(StoreUnavailableError, match=r"has version 1, this Baserun reads version \d+. It is upgraded"):
        store.session("s")


def test_a_newer_store_is_not_migrated(connection: sqlite3.Connection) -> None:
    """Migrating a store of a newer version raises."""
    bring_up_to_date(connection, "x", (*migrations(), LATER))

    with pytest.raises(StoreVersionError, match="The store x has version 99"):
        bring_up_to_date(connection, "x")


def test_versions_are_numbered_without_gaps() -> None:
    """The migrations are numbered from 1 without gaps."""
    assert [step.version for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_an_older_store_takes_only_the_steps_that_it_lacks(connection: sqlite3.Connection) -> None:
    """Only the missing migrations run, each once, and rows are kept."""
    bring_up_to_date(connection, "x")
    connection.execute("INSERT INTO models VALUES (1, 'small', '')")

    bring_up_to_date(connection, "x", (*migrations(), LATER))
    bring_up_to_date(connection, "x", (*migrations(), LATER))

    assert connection.execute("SELECT id FROM extra").fetchall() == [(7,)]
    assert connection.execute("SELECT requested FROM models").fetchall() == [("small",)]
    assert stored_version(connection) == 99


def test_a_step_that_fails_leaves_the_version_before_it(connection: sqlite3.Connection) -> None:
    """A migration that fails is rolled back, and the store keeps the version before it."""
    bring_up_to_date(connection, "x")

    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        bring_up_to_date(connection, "x", (*migrations(), LATER, BROKEN))

    tables = {name for _, name, _ in _schema(connection)}
    assert stored_version(connection) == 99
    assert ("extra" in tables, "half" in tables) == (True, False)


def test_a_killed_step_leaves_the_version_before_it(tmp_path: Path) -> None:
    """A migration whose process is killed leaves the version before it, and can run again."""
    path = tmp_path / "x.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        bring_up_to_date(connection, "x")
        connection.executescript(f"BEGIN IMMEDIATE; {LATER.sql} PRAGMA user_version = 99;")
        copy = tmp_path / "copy.sqlite3"
        for suffix in ("", "-wal"):  # the files as a kill would leave them
            copy.with_name(copy.name + suffix).write_bytes(path.with_name(path.name + suffix).read_bytes())
        connection.execute("ROLLBACK")

    with closing(sqlite3.connect(copy, isolation_level=None)) as found:
        assert stored_version(found) == newest_version()
        bring_up_to_date(found, "x", (*migrations(), LATER))
        assert found.execute("SELECT id FROM extra").fetchall() == [(7,)]


def test_a_newer_store_is_not_touched(new_sink: Callable[[], Sink], store: Store, path: Path) -> None:
    """A store of a newer version is neither written nor read, and the error says to upgrade."""
    first = new_sink()
    first.write([OpenSession(id="s", at_us=1)])
    first.close()
    _set_version(path, 12_345)

    with pytest.raises(StoreVersionError, match=r"has version 12345, this Baserun knows versions up to .* Upgrade"):
        new_sink().write([OpenSession(id="t", at_us=1)])
    with pytest.raises(StoreVersionError, match="Upgrade baserun"):
        store.sessions()

    _set_version(path, newest_version())
    assert [session.id for session in store.sessions()] == ["s"]


def test_a_store_that_becomes_newer_in_use_is_not_touched(sink: Sink, store: Store, path: Path) -> None:
    """A process neither writes nor reads a store that a newer one has upgraded meanwhile."""
    sink.write([OpenSession(id="s", at_us=1)])
    assert len(store.sessions()) == 1
    _set_version(path, 12_345)

    with pytest.raises(StoreVersionError, match="has version 12345"):
        sink.write([OpenSession(id="t", at_us=1)])
    with pytest.raises(StoreVersionError, match="has version 12345"):
        store.sessions()

    _set_version(path, newest_version())
    assert [session.id for session in store.sessions()] == ["s"]
    sink.write([OpenSession(id="t", at_us=2)])
    assert [session.id for session in store.sessions()] == ["t", "s"]


@pytest.mark.parametrize("version", [0, 1], ids=["without a version", "with a version of its own"])
def test_a_database_of_another_program_is_not_touched(sink: Sink, store: Store, path: Path, version: int) -> None:
    """A database with tables of another program is refused and left unchanged."""
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id INTEGER)")
    _set_version(path, version)

    with pytest.raises(StoreUnavailableError, match=r"of another program\. Name a file of its own"):
        store.sessions()
    with pytest.raises(StoreUnavailableError, match=r"of another program\. Name a file of its own"):
        sink.write([OpenSession(id="s", at_us=1)])

    with closing(sqlite3.connect(path)) as other:
        assert [name for _, name, _ in _schema(other)] == ["theirs"]


def test_a_store_that_is_begun_while_it_is_opened_is_ours(connection: sqlite3.Connection, tmp_path: Path) -> None:
    """A store that is created while another process checks it is never taken for another program's."""
    connection.execute("PRAGMA journal_mode = WAL")
    looks: list[str] = []

    def begin(statement: str) -> None:
        looks.append(statement)
        if len(looks) == 2:
            with closing(sqlite3.connect(tmp_path / "x.sqlite3", isolation_level=None)) as writer:
                bring_up_to_date(writer, "x.sqlite3")

    connection.set_trace_callback(begin)  # called before each statement

    for _ in range(2):
        check_ours(connection, "x.sqlite3")

    connection.set_trace_callback(None)
    assert stored_version(connection) == newest_version()


def test_an_empty_file_becomes_a_store(sink: Sink, store: Store, path: Path) -> None:
    """An empty file, as a crash or `touch` leaves it, becomes a store."""
    path.parent.mkdir()
    path.touch()

    sink.write([OpenSession(id="s", at_us=1)])

    assert [session.id for session in store.sessions()] == ["s"]


def _hours(path: Path) -> dict[str, list[tuple[int, ...]]]:
    """Return the rows of the tables of hours."""
    tables = ("hours", "user_hours", "latency_hours", "model_hours")
    with closing(sqlite3.connect(path)) as connection:
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}


def _everything(path: Path, store: Store) -> dict[str, list[Any]]:
    """What the store says of its calls, one by one and in sums."""
    lists = {name: [each.to_dict() for each in getattr(store, name)()] for name in ("users", "sessions", "traces")}
    costs = {"costs": [call.to_dict() for trace in store.traces() for call in store.trace(trace.id).spans]}  # type: ignore[union-attr]
    return {**_hours(path), **lists, **costs}


def _make_version_2(path: Path) -> None:
    """Make a store one of the time when no call was free, and `cost_known` counted LLM calls only."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in ("users", "sessions", "traces", "hours", "user_hours"):
            connection.execute(f"ALTER TABLE {table} DROP COLUMN unpriced")
        connection.execute("UPDATE spans SET cost_nano = NULL WHERE cost_nano = 0")
        connection.execute("DELETE FROM model_hours")
        connection.execute(f"INSERT INTO model_hours {RECOUNTS['model_hours']}")
        known = "SELECT count(cost_nano) FROM spans WHERE trace_id = traces.id AND kind = 'llm'"
        connection.execute(f"UPDATE traces SET cost_known = ({known})")
        for table, key in (("users", "user_id"), ("sessions", "session_id")):
            known = f"SELECT coalesce(sum(cost_known), 0) FROM traces WHERE {key} = {table}.id"
            connection.execute(f"UPDATE {table} SET cost_known = ({known})")
        for table, key in (("hours", ""), ("user_hours", "AND t.user_id = user_hours.user_id")):
            known = f"SELECT sum(t.cost_known) FROM traces t WHERE t.started_us / 3600000000 = {table}.hour {key}"
            connection.execute(f"UPDATE {table} SET cost_known = ({known})")
    _set_version(path, 2)


def _set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
