"""The file that a store URL means."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from baserun.exceptions import ConfigurationError
from baserun.store import open_sink, open_store, resolve
from baserun.store.rows import OpenSession


@pytest.mark.parametrize(
    ("url", "relative"),
    [
        (None, ".baserun/baserun.sqlite3"),
        ("sqlite", ".baserun/baserun.sqlite3"),
        ("data/x.sqlite3", "data/x.sqlite3"),
        ("sqlite:///data/x.sqlite3", "data/x.sqlite3"),
        (Path("data/x.sqlite3"), "data/x.sqlite3"),
        (Path("file:x.sqlite3"), "file:x.sqlite3"),
    ],
)
def test_relative_paths_are_fixed_at_once(tmp_path: Path, url: str | Path | None, relative: str) -> None:
    """A relative path is resolved against the current folder at once."""
    location = resolve(url)

    assert location.path == str(tmp_path / relative)


def test_four_slashes_are_absolute() -> None:
    """Four slashes begin an absolute path, as in SQLAlchemy."""
    assert resolve("sqlite:////var/lib/x.sqlite3").path == "/var/lib/x.sqlite3"


def test_a_location_has_a_url_that_means_it_from_anywhere(tmp_path: Path) -> None:
    """The URL of a location is absolute, so it can be passed to another process."""
    location = resolve("x.sqlite3")

    assert resolve(location.url).path == location.path == str(tmp_path / "x.sqlite3")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql+psycopg://user:secret@host/db", r"postgresql\+psycopg://\*\*\*@host/db.*not in this version"),
        ("clickhouse://host", "not in this version"),
        ("ftp://host", 'unknown scheme.*Write "sqlite"'),
        ("sqlite://two.sqlite3", "two slashes where three belong: write 'sqlite:///two.sqlite3'"),
        ("sqlite:///:memory:", 'names no file.*"memory"'),
        ("sqlite:///", "names no file"),
        ("sqlite:x.sqlite3", "no URL of ours: write 'sqlite:///x.sqlite3'"),
        ("file:/srv/x.sqlite3", "no URL of ours: write 'sqlite:////srv/x.sqlite3'"),
        ("new/", r"is a folder; name a file in it, such as 'new/baserun\.sqlite3'"),
        ("sqlite:///new/", "is a folder"),
        ("", "neither a known name nor a path"),
        ("sqllite", "neither a known name nor a path"),
        ("a\0b/c", "not a path"),
        (7, "a str or a path, not int"),
    ],
)
def test_wrong_urls_raise_at_once(url: object, message: str) -> None:
    """A wrong URL raises and says what to write instead, without repeating a password."""
    with pytest.raises(ConfigurationError, match=message) as raised:
        resolve(url)  # type: ignore[arg-type]

    assert "secret" not in str(raised.value)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """For a folder the error suggests a file in it."""
    (tmp_path / "data").mkdir()

    with pytest.raises(ConfigurationError, match=r"is a folder.*data/baserun\.sqlite3"):
        resolve("data/")


def test_the_default_folder_is_private_and_not_committed(tmp_path: Path) -> None:
    """The default folder and files are accessible to their owner only, and git ignores them."""
    sink = open_sink("sqlite")
    sink.write([OpenSession(id="s", at_us=1)])
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / ".baserun").iterdir()}
    sink.close()

    assert stat.S_IMODE((tmp_path / ".baserun").stat().st_mode) == 0o700
    assert (tmp_path / ".baserun" / ".gitignore").read_text() == "*\n"
    assert {name: mode for name, mode in modes.items() if name.startswith("baserun.sqlite3")} == dict.fromkeys(
        ("baserun.sqlite3", "baserun.sqlite3-wal", "baserun.sqlite3-shm", "baserun.sqlite3.lock"), 0o600
    )


@pytest.mark.parametrize("link", [".baserun/baserun.sqlite3", "linked.sqlite3"])
def test_a_link_means_the_file(tmp_path: Path, link: str) -> None:
    """A store opened through a symbolic link shares lock, WAL and state with the file, which is private too."""
    file, named = tmp_path / "elsewhere" / "real.sqlite3", tmp_path / link
    file.parent.mkdir()
    named.parent.mkdir(exist_ok=True)
    named.symlink_to(file)
    by_link, store = open_sink(named), open_store(None if ".baserun" in link else named)
    by_link.write([OpenSession(id="a", at_us=1)])
    before = store.state()

    by_file = open_sink(file)
    by_file.write([OpenSession(id="b", at_us=2)])

    after = store.state()
    for each in (by_link, by_file, store):
        each.close()
    assert after != before
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(each.name for each in named.parent.iterdir() if each.is_file()) == [named.name]


def test_memory_is_shared_in_the_process() -> None:
    """A memory store can be read in the process under its name."""
    sink, store = open_sink("memory:shared"), open_store("memory:shared")
    sink.write([OpenSession(id="s", at_us=1)])

    found = store.session("s")

    store.close()
    sink.close()
    assert found is not None


def test_memory_leaves_nothing_behind() -> None:
    """The folder of a memory store is removed when its process ends."""
    program = (
        "from baserun.store import open_sink, resolve\nfrom baserun.store.rows import OpenSession\n"
        "sink = open_sink('memory'); sink.write([OpenSession(id='s', at_us=1)]); print(resolve('memory').path)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip().endswith("baserun.sqlite3")
    assert not os.path.exists(os.path.dirname(done.stdout.strip()))


@pytest.mark.parametrize("name", [b"what?#50%25 of it", "déjà vu".encode(), b"not utf-8 \xff", b"'quoted\"; --"])
def test_any_file_name_is_a_store(tmp_path: Path, name: bytes) -> None:
    """Any valid file or folder name can be written to and read from as a store."""
    path = tmp_path / os.fsdecode(name) / os.fsdecode(name)
    sink, store = open_sink(path), open_store(path)
    sink.write([OpenSession(id="s", at_us=1)])

    found = [session.id for session in store.sessions()]
    size = store.info().size_bytes

    sink.close()
    store.close()
    assert found == ["s"]
    assert size
