"""Where the secret comes from when no framework has one."""

from __future__ import annotations

import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import baserun
from baserun.web._secret import default_secret


def test_is_the_configured_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """`BASERUN_SECRET` is taken as it stands, and no file is made."""
    monkeypatch.setenv("BASERUN_SECRET", "configured")

    assert default_secret() == "configured"
    assert list(Path().iterdir()) == []


def test_is_made_beside_the_store(caplog: pytest.LogCaptureFixture) -> None:
    """Without one, a secret that only the owner can read is made beside the local store, and the log says so."""
    with caplog.at_level(logging.INFO, "baserun"):
        secret = default_secret()

    path = Path(".baserun/baserun.sqlite3.secret")
    assert path.read_text().strip() == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"
    assert [record.getMessage() for record in caplog.records if "secret" in record.getMessage()] == [
        f"no secret is set, so session tokens are signed with a new one in {path.absolute()}"
    ]


def test_is_the_same_in_the_next_process() -> None:
    """Another worker, or this one after a restart, signs with the same secret."""
    program = "from baserun.web._secret import default_secret; print(default_secret())"

    answers = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in "ab"
    ]

    assert answers[0].stdout == answers[1].stdout
    assert len(answers[0].stdout.strip()) >= 32


def test_several_workers_agree() -> None:
    """Workers that start at the same moment end up with one secret."""
    program = "from baserun.web._secret import default_secret; print(default_secret())"

    workers = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(4)]
    answers = {worker.communicate()[0] for worker in workers}

    assert len(answers) == 1


def test_without_a_place_for_it_sessions_last_as_long_as_the_process(caplog: pytest.LogCaptureFixture) -> None:
    """Where no file can be made the secret is the process's own, and the log says what to do."""
    Path("file").write_text("in the way")
    baserun.init(store="file/baserun.sqlite3")

    assert default_secret() == default_secret()
    assert "set BASERUN_SECRET" in caplog.text


def test_of_a_broken_file_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """A file that holds no secret is not signed with, and not overwritten either."""
    Path(".baserun").mkdir()
    Path(".baserun/baserun.sqlite3.secret").write_text("short")

    assert len(default_secret()) >= 32
    assert Path(".baserun/baserun.sqlite3.secret").read_text() == "short"
    assert "it holds no secret" in caplog.text


def test_is_not_made_where_baserun_is_switched_off() -> None:
    """Switched off, nothing is written."""
    baserun.init(enabled=False)

    assert default_secret()
    assert list(Path().iterdir()) == []
