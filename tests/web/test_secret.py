"""The source of the signing secret when no framework has one."""

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
    """`BASERUN_SECRET` is used unchanged, and no file is written."""
    monkeypatch.setenv("BASERUN_SECRET", "configured")

    assert default_secret() == "configured"
    assert list(Path().iterdir()) == []


def test_is_made_beside_the_store(caplog: pytest.LogCaptureFixture) -> None:
    """Without one, a secret is generated beside the local store, readable by its owner only, with a log line."""
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
    """Another process, such as a worker or this one after a restart, gets the same secret."""
    program = "from baserun.web._secret import default_secret; print(default_secret())"

    answers = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in "ab"
    ]

    assert answers[0].stdout == answers[1].stdout
    assert len(answers[0].stdout.strip()) >= 32


def test_several_workers_agree() -> None:
    """Workers that start at the same moment get the same secret."""
    program = "from baserun.web._secret import default_secret; print(default_secret())"

    workers = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(4)]
    answers = {worker.communicate()[0] for worker in workers}

    assert len(answers) == 1


def test_without_a_place_for_it_sessions_last_as_long_as_the_process(caplog: pytest.LogCaptureFixture) -> None:
    """When no file can be written the secret lasts as long as the process, and the log says to set `BASERUN_SECRET`."""
    Path("file").write_text("in the way")
    baserun.init(store="file/baserun.sqlite3")

    assert default_secret() == default_secret()
    assert "set BASERUN_SECRET" in caplog.text


def test_of_a_broken_file_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """A file without a valid secret is neither used nor overwritten."""
    Path(".baserun").mkdir()
    Path(".baserun/baserun.sqlite3.secret").write_text("short")

    assert len(default_secret()) >= 32
    assert Path(".baserun/baserun.sqlite3.secret").read_text() == "short"
    assert "it holds no secret" in caplog.text


def test_is_not_made_where_baserun_is_switched_off() -> None:
    """With `enabled=False` there is a secret, but no file is written."""
    baserun.init(enabled=False)

    assert default_secret()
    assert list(Path().iterdir()) == []
