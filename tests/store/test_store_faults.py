"""Faults around a store: each time nothing acknowledged is lost, and the store recovers by itself."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from baserun.exceptions import StoreUnavailableError
from baserun.store import Sink, Store, open_sink, open_store
from baserun.store.rows import OpenSession
from baserun.store.sqlite import _connection
from baserun.store.sqlite._info import has_wal_reset_defect

Make = Any
"""The fixture of conftest, which cannot be imported."""


def _start(name: str) -> list[OpenSession]:
    return [OpenSession(id=name, at_us=1)]


def _names(store: Store) -> set[str]:
    return {session.id for session in store.sessions()}


def _python(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("garbage", [b"this is no database" * 500, b"SQLite format 3\0" + b"\xff" * 9_000])
def test_a_broken_file_is_set_aside(
    sink: Sink, store: Store, path: Path, caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    """A file of garbage is renamed, with one log line, and a new store begins."""
    path.parent.mkdir()
    path.write_bytes(garbage)

    with caplog.at_level(logging.ERROR, "baserun"):
        sink.write(_start("s"))

    kept = [each for each in path.parent.iterdir() if ".corrupt-" in each.name]
    assert [each.read_bytes() for each in kept] == [garbage]
    assert len(caplog.records) == 1
    assert str(kept[0]) in caplog.text
    assert _names(store) == {"s"}


def test_a_file_that_breaks_in_use_is_set_aside(
    sink: Sink, new_sink: Callable[[], Sink], store: Store, path: Path, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A file whose pages become garbage is set aside at the next write, which succeeds at the latest when repeated."""
    sink.write([make.trace(number, f"s{number}") for number in range(500)])
    sink.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))
    again = new_sink()

    with caplog.at_level(logging.ERROR, "baserun"):
        try:
            again.write([make.trace(1_000, "new")])
        except StoreUnavailableError:
            again.write([make.trace(1_000, "new")])

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert _names(store) == {"new"}


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_removed_is_noticed(
    sink: Sink, store: Store, path: Path, caplog: pytest.LogCaptureFixture, is_replaced: bool
) -> None:
    """After the file was removed or replaced, the sink warns and writes to the file at the path, and readers follow."""
    sink.write(_start("before"))
    assert _names(store) == {"before"}
    for each in list(path.parent.iterdir()):
        each.unlink()
    if is_replaced:
        path.touch()

    with caplog.at_level(logging.WARNING, "baserun"):
        sink.write(_start("after"))

    assert "removed or replaced" in caplog.text
    assert _names(store) == {"after"}


def test_a_folder_that_is_removed_is_made_again(sink: Sink, store: Store, path: Path) -> None:
    """The sink creates the store's folder again after its removal."""
    sink.write(_start("before"))
    for each in list(path.parent.iterdir()):
        each.unlink()
    path.parent.rmdir()

    sink.write(_start("after"))

    assert _names(store) == {"after"}


def test_a_folder_that_cannot_be_made_raises_and_recovers(sink: Sink, store: Store, path: Path) -> None:
    """When the folder cannot be made, the error names path and cause; once the cause is gone, the same call works."""
    path.parent.write_text("a file where the folder should be")
    with pytest.raises(StoreUnavailableError, match=rf"{path} cannot be used at the moment: (File exists|Not a dir)"):
        sink.write(_start("s"))
    path.parent.unlink()

    sink.write(_start("s"))

    assert _names(store) == {"s"}


def test_a_locked_store_is_given_up_in_time(sink: Sink, new_sink: Callable[[], Sink], store: Store) -> None:
    """A write that times out raises that the store is locked, and can be repeated."""
    other = new_sink()
    other.write(_start("first"))
    with other._connection.transaction():  # type: ignore[attr-defined]
        with pytest.raises(StoreUnavailableError, match="The store is locked"):
            sink.write(_start("second"), timeout=0.01)
        with pytest.raises(StoreUnavailableError, match="locked"):
            sink.maintain()

    sink.write(_start("second"), timeout=1)

    assert _names(store) == {"first", "second"}


def test_a_writer_without_a_timeout_waits_for_its_turn(sink: Sink, new_sink: Callable[[], Sink], store: Store) -> None:
    """A write without a timeout waits for another writer's transaction, and succeeds."""
    other = new_sink()
    other.write(_start("first"))
    waiting = threading.Thread(target=sink.write, args=(_start("second"),))
    with other._connection.transaction() as connection:  # type: ignore[attr-defined]
        waiting.start()
        connection.execute("INSERT INTO counters VALUES ('held', 1)")

    waiting.join(30)

    assert _names(store) == {"first", "second"}


def test_a_lock_file_that_is_removed_does_not_let_two_in(sink: Sink, new_sink: Callable[[], Sink], path: Path) -> None:
    """A sink whose lock file was removed locks the new one, so that two never write at once."""
    other = new_sink()
    sink.write(_start("first"))
    path.with_name(path.name + ".lock").unlink()

    lock = sink._connection.lock  # type: ignore[attr-defined]
    with lock.held(), pytest.raises(StoreUnavailableError, match="locked"):
        other.write(_start("second"), timeout=0.01)


FULL_DISK = """
import resource, sys
from baserun.exceptions import StoreUnavailableError
from baserun.store import open_sink, open_store
from baserun.store.rows import SpanRow, TraceRow

def call(number):
    trace = TraceRow(id=f"{number:032x}", session_id="s", started_us=number, name="n", kind="k", status="running")
    return SpanRow(id=f"{number:016x}", trace=trace, parent_id=None, kind="llm", name="n", started_us=number,
                   duration_us=1, status="ok", input='"' + "x" * 50_000 + '"')

sink = open_sink(sys.argv[1])
sink.write([call(1)])
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
stored = 1
try:
    while stored < 100:
        sink.write([call(stored + 1)])
        stored += 1
except StoreUnavailableError as error:
    print(error)
store = open_store(sys.argv[1])
print(len(store.traces(limit=1000)) == stored < 100)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sink.write([call(stored + 1)])
print(len(store.traces(limit=1000)) == stored + 1, store.verify())
"""


def test_a_full_disk_is_survived(path: Path) -> None:
    """On a full disk acknowledged records stay readable, and writing continues when there is room again."""
    done = _python(FULL_DISK, path)

    lines = done.stdout.splitlines()
    assert done.stderr == ""
    assert f"The store {path} cannot be used at the moment" in lines[0]
    assert lines[1:] == ["True", "True []"]


AS_ANOTHER_USER = """
import os, sys
from baserun.store import open_sink, open_store
from baserun.store.rows import OpenSession

path, spare = sys.argv[1:]
warm = open_sink(spare); warm.write([OpenSession(id="s", at_us=1)]); warm.close()
open_store(spare).sessions()  # what is imported late may be out of reach for another user
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
"""
READ_ONLY = f"""{AS_ANOTHER_USER}
from baserun.exceptions import StoreUnavailableError
try:
    open_sink(path).write([OpenSession(id="t", at_us=1)])
except StoreUnavailableError as error:
    print(error)
print([session.id for session in open_store(path).sessions()])
"""


def test_a_read_only_folder_is_read_and_not_written() -> None:
    """In a read-only folder writing raises with the cause, and the store can be read."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "baserun.sqlite3")
        sink = open_sink(path)
        sink.write(_start("s"))
        sink.close()
        Path(f"{path}.lock").unlink()
        path.chmod(0o444)
        Path(folder).chmod(0o555)

        with TemporaryDirectory() as spare:
            done = _python(READ_ONLY, path, Path(spare, "spare.sqlite3"))

        Path(folder).chmod(0o755)
    assert done.stderr == ""
    assert f"{path}.lock cannot be opened: Permission denied" in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[1] == "['s']"


CLOSED = f"""{AS_ANOTHER_USER}
from baserun.exceptions import StoreUnavailableError
store = open_store(path)
for ask in (
    store.sessions,
    store.info,
    lambda: store.erase_user("ann"),
    lambda: store.prune(days=1),
    lambda: store.prune(days=1, dry_run=True),
):
    try:
        print(ask())
    except StoreUnavailableError as error:
        print(error)
"""


def test_a_store_in_a_closed_folder_is_not_taken_for_none() -> None:
    """Whoever cannot look into the folder gets an error, and no receipt for having erased nothing."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as spare:
        path = Path(folder, "baserun.sqlite3")
        _write_and_close(path, "s")
        Path(folder).chmod(0o000)

        done = _python(CLOSED, path, Path(spare, "spare.sqlite3"))

        Path(folder).chmod(0o755)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [f"The store {path} cannot be used at the moment: Permission denied."] * 5


JOURNAL = f"""{AS_ANOTHER_USER}
print(open_store(path).info().journal_mode)
"""


def test_a_read_only_store_is_reported_with_its_journal_mode() -> None:
    """The reported journal mode of a store in a read-only folder is the one in which it is written."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as spare:
        path = Path(folder, "baserun.sqlite3")
        sink = open_sink(path)
        sink.write(_start("s"))
        sink.close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)

        done = _python(JOURNAL, path, Path(spare, "spare.sqlite3"))

        Path(folder).chmod(0o755)
    assert (done.stdout, done.stderr) == ("wal\n", "")


LOOKS_TWICE = f"""{AS_ANOTHER_USER}store = open_store(path)
for _ in range(2):
    print(sorted(session.id for session in store.sessions()), flush=True)
    sys.stdin.readline()
"""


def test_a_read_only_reader_sees_later_writes() -> None:
    """A reader in a read-only folder sees what is written after it opened the store."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as spare:
        path = Path(folder, "baserun.sqlite3")
        _write_and_close(path, "s")
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        command = [sys.executable, "-c", LOOKS_TWICE, str(path), str(Path(spare, "spare.sqlite3"))]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            seen = [reader.stdout.readline()]
            Path(folder).chmod(0o755)
            path.chmod(0o644)
            _write_and_close(path, "t")
            path.chmod(0o444)
            Path(folder).chmod(0o555)
            reader.stdin.write("\n")
            reader.stdin.flush()
            seen.append(reader.stdout.readline())
        Path(folder).chmod(0o755)

    assert seen == ["['s']\n", "['s', 't']\n"]


def _write_and_close(path: Path, session: str) -> None:
    with closing(open_sink(path)) as sink:
        sink.write(_start(session))


def test_without_wal_a_journal_takes_its_place(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where SQLite cannot use WAL, another journal mode is used, with one warning."""
    path.parent.mkdir()
    with (
        closing(sqlite3.connect(":memory:", isolation_level=None)) as without_wal,
        caplog.at_level(logging.WARNING, "baserun"),
    ):
        _connection._configure(without_wal, str(path))

    assert [record.getMessage() for record in caplog.records] == [
        f"baserun: the file system of {path} has no WAL; its journal mode is memory."
    ]


FORK = """
import os, sys
from baserun.store import open_sink, open_store
from baserun.store.rows import OpenSession

sink, store = open_sink(sys.argv[1]), open_store(sys.argv[1])
sink.write([OpenSession(id="parent", at_us=1)])
store.sessions()
children = []
for number in range(int(sys.argv[2])):
    child = os.fork()
    if child == 0:
        sink.forget()
        sink.write([OpenSession(id=f"child-{number}", at_us=1)])
        assert store.session(f"child-{number}") is not None
        sys.exit(0)
    children.append(child)
    sink.write([OpenSession(id=f"parent-{number}", at_us=1)])
print([os.waitpid(child, 0)[1] for child in children] == [0] * len(children))
sink.write([OpenSession(id="last", at_us=1)])
print(len(store.sessions(limit=1000)) == 2 * len(children) + 2, store.verify())
"""


def test_a_forked_child_writes_and_the_parent_is_unharmed(path: Path) -> None:
    """After a fork parent and child both write with their own connections, and no record is lost."""
    done = _python(FORK, path, 10)

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["True", "True []"]


@pytest.mark.storm
def test_a_thousand_forks(path: Path) -> None:
    """A thousand forks at any moment of a write lose nothing."""
    for _ in range(10):
        done = _python(FORK, path, 100)
        path.unlink()

        assert (done.stderr, done.stdout.splitlines()) == ("", ["True", "True []"])


def test_a_closed_sink_and_store_open_again(sink: Sink, store: Store) -> None:
    """A closed sink and store open again at their next use."""
    sink.write(_start("a"))
    assert _names(store) == {"a"}
    sink.close()
    store.close()

    sink.write(_start("b"))

    assert _names(store) == {"a", "b"}


@pytest.mark.parametrize(
    ("version", "is_defective"),
    [((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True), ((3, 44, 6), False),
     ((3, 45, 0), True), ((3, 50, 7), False), ((3, 51, 2), True), ((3, 51, 3), False), ((3, 54, 1), False)],
)  # fmt: skip
def test_the_defect_of_sqlite_is_known_by_version(version: tuple[int, int, int], is_defective: bool) -> None:
    """`has_wal_reset_defect` knows the SQLite versions that can corrupt a WAL."""
    assert has_wal_reset_defect(version) is is_defective


def test_doctor_sees_the_state_of_a_store(sink: Sink, store: Store, path: Path, make: Make) -> None:
    """`info` has the path, size, version, counts and problems of a store."""
    sink.write([*_start("s"), make.call(1, make.trace(1), input='"x"'), make.trace(1)])

    info = store.info()

    assert (info.path, info.exists, info.journal_mode, info.problems) == (str(path), True, "wal", [])
    assert (info.sessions, info.traces, info.spans, info.unindexed_spans) == (1, 1, 1, 1)
    assert info.traces_without_session == 0
    assert info.schema_version == info.newest_schema_version
    assert info.size_bytes + info.wal_bytes > 4096
    assert info.sqlite_version == sqlite3.sqlite_version


def test_a_broken_file_raises_for_readers(store: Store, path: Path) -> None:
    """Reading a broken file raises with its path."""
    path.parent.mkdir()
    path.write_bytes(b"nonsense" * 1_000)

    with pytest.raises(StoreUnavailableError, match=str(path)):
        store.sessions()


def test_two_stores_do_not_share_connections(tmp_path: Path, sink: Sink, store: Store) -> None:
    """Each store object reads its own file, and reading creates none."""
    sink.write(_start("s"))
    other = open_store(tmp_path / "other.sqlite3")

    found = (_names(store), _names(other))

    other.close()
    assert found == ({"s"}, set())
    assert not os.path.exists(tmp_path / "other.sqlite3")
