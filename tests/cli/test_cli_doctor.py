"""`baserun doctor` finds problems, and says what to do about them."""

from __future__ import annotations

import ctypes
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import baserun
from baserun.store import open_sink
from baserun.store.sqlite._lock import WriteLock

Run = Callable[..., Result]


def checks(result: Result) -> list[dict[str, str]]:
    """Return the checks of a `--json` result."""
    found: list[dict[str, str]] = json.loads(result.stdout)["checks"]
    return found


def installed(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def of_status(result: Result, status: str) -> list[tuple[str, str]]:
    """Return area and name of the checks with this status."""
    return [(check["area"], check["name"]) for check in checks(result) if check["status"] == status]


def test_a_healthy_store(ask: Run, story: Path) -> None:
    """For a healthy store doctor ends with exit code 0, without problems or warnings, and reports its facts."""
    result = ask("doctor", "--json")
    found = json.loads(result.stdout)

    assert result.exit_code == 0, found
    assert found["ok"] is True
    assert found["store"]["path"] == str(story)
    assert found["store"]["sqlite_version"] == sqlite3.sqlite_version
    assert found["ledger"]["stored"]["session"] == 1
    assert found["clients"] == {"openai": installed("openai")}
    assert of_status(result, "problem") == of_status(result, "warning") == []


def test_calls_without_a_session(run: Run, record: Callable[..., Path]) -> None:
    """Doctor counts the traces whose calls belong to no session, and says how to give them one."""

    def tell(teller: Any) -> None:
        with baserun.with_session():
            teller.call(("user", "in a session"))
        teller.call(("user", "in a thread without one"))
        with baserun.start_trace("without a call"):
            pass

    result = run("--store", str(record(tell)), "doctor", "--json")

    (found,) = (check for check in checks(result) if check["name"] == "sessions")
    assert (found["status"], json.loads(result.stdout)["store"]["traces_without_session"]) == ("note", 1)
    assert found["message"].startswith("1 trace with calls to models belongs to no session: ")
    assert "baserun.propagate" in found["message"]


def test_no_store_is_no_problem(run: Run) -> None:
    """A missing store, as before the first session, is no problem."""
    result = run("doctor")

    assert result.exit_code == 0
    assert "there is none at" in result.stdout


def test_a_store_in_memory_is_not_looked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file is named that nobody will ever make."""
    monkeypatch.setenv("BASERUN_STORE", "memory")

    result = run("doctor", "--json")

    assert result.exit_code == 0
    assert [check["message"] for check in checks(result) if check["name"] == "file"] == [
        "in the memory of the application, which alone can read it"
    ]


def _obey_modes() -> None:
    """Let even root be bound by the modes of files, in the child only."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def as_somebody(*arguments: str, store: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user who is bound by the modes of files."""
    return subprocess.run(
        [sys.executable, "-c", "from baserun.cli import main; main()", *arguments],
        env={**os.environ, "BASERUN_STORE": str(store)},
        preexec_fn=_obey_modes if os.geteuid() == 0 else None,
        capture_output=True,
        text=True,
    )


def test_a_store_that_cannot_be_made(tmp_path: Path) -> None:
    """In a folder that cannot be written to, the first session would not make a store."""
    tmp_path.chmod(0o500)

    done = as_somebody("doctor", store=tmp_path / "data" / "calls.sqlite3")

    tmp_path.chmod(0o700)
    assert done.returncode == 1, done.stderr
    assert f"and you cannot make it: you cannot write to {tmp_path};" in done.stdout


def test_a_store_below_a_file(run: Run, tmp_path: Path) -> None:
    """Nor would it below a file, even one that the user can write to and execute."""
    program = tmp_path / "manage.py"
    program.touch(0o700)

    result = run("doctor", "--store", str(program / "calls.sqlite3"))

    assert result.exit_code == 1
    assert f"and you cannot make it: {program} is no folder;" in result.stdout


def test_a_store_in_a_closed_folder(story: Path) -> None:
    """No command says of another user's store that there is none."""
    story.parent.chmod(0o000)

    examined = as_somebody("doctor", store=story)
    listed = as_somebody("sessions", "list", store=story)

    story.parent.chmod(0o700)
    assert f"problem\tstore\tfile\tyou cannot look into {story.parent}, where {story} would be;" in examined.stdout
    assert (examined.returncode, listed.returncode, listed.stdout) == (1, 1, "")
    assert listed.stderr == f"baserun: The store {story} cannot be used at the moment: Permission denied.\n"


def test_plain_lines_are_for_programs(ask: Run) -> None:
    """In a pipe doctor prints status, area, name and message of each check, separated by tabs."""
    lines = [line.split("\t") for line in ask("doctor").stdout.splitlines()]

    assert {len(line) for line in lines} == {4}
    assert ["ok", "files", "lock", "free"] in lines


def test_the_defect_of_sqlite_is_named(ask: Run) -> None:
    """The check of SQLite names the WAL-reset defect if this version has it."""
    found = json.loads(ask("doctor", "--json").stdout)
    message = next(check["message"] for check in found["checks"] if check["name"] == "sqlite")

    assert ("WAL-reset defect" in message) is found["store"]["has_wal_reset_defect"]


@pytest.mark.parametrize("suffix", ["", ".lock"])
def test_files_that_others_can_open(ask: Run, story: Path, suffix: str) -> None:
    """A file that others can open is a problem, with the chmod command that fixes it."""
    shared = Path(f"{story}{suffix}")
    shared.chmod(0o644)

    result = ask("doctor")

    assert result.exit_code == 1
    assert f"others can open {shared} (mode 644); write: chmod 600 {shared}" in result.stdout


def test_a_lock_that_cannot_be_opened(ask: Run, story: Path) -> None:
    """A lock file that cannot be opened is a problem, with the reason."""
    lock = Path(f"{story}.lock")
    lock.unlink()
    lock.mkdir()

    result = ask("doctor")

    assert f"problem\tfiles\tlock\tThe lock file {lock} cannot be opened: Is a directory." in result.stdout.splitlines()
    assert result.exit_code == 1


def test_a_lock_that_is_held(ask: Run, story: Path) -> None:
    """A held lock is a warning, not a problem: its holder may release it."""
    lock = WriteLock(str(story))
    with lock.held():
        result = ask("doctor", "--json")
    lock.close()

    assert of_status(result, "warning") == [("files", "lock")]
    assert result.exit_code == 0


def test_dropped_records_are_a_warning(ask: Run, story: Path) -> None:
    """Dropped records in the ledger are a warning with their reason and number."""
    sink = open_sink(story)
    sink.count_dropped({"queue_full": 7})
    sink.close()

    result = ask("doctor")

    assert "warning\tledger\tdropped\tqueue_full 7\n" in result.stdout


def test_a_damaged_file(ask: Run, story: Path) -> None:
    """A damaged file is a problem, without a traceback."""
    content = bytearray(story.read_bytes())
    content[4096 * 3 : 4096 * 20] = b"\xff" * (4096 * 17)
    story.write_bytes(content)

    result = ask("doctor")

    assert result.exit_code == 1
    assert "problem\tstore\t" in result.stdout
    assert "Traceback" not in result.output


def test_a_store_of_a_newer_baserun(ask: Run, story: Path) -> None:
    """A store of a newer version is a problem that names its version."""
    connection = sqlite3.connect(story)
    connection.execute("PRAGMA user_version = 999")
    connection.close()

    result = ask("doctor")

    assert result.exit_code == 1
    assert "999" in result.stdout


def test_a_store_of_an_older_baserun(ask: Run, story: Path) -> None:
    """A store that waits for its upgrade by the next application that records is no problem to solve."""
    connection = sqlite3.connect(story)
    connection.execute("PRAGMA user_version = 1")
    connection.close()

    result = ask("doctor")

    assert f"note\tstore\tschema\tThe store {story} has version 1, this Baserun reads version " in result.stdout
    assert result.exit_code == 0


def test_the_environment_is_checked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Misspelt and unusable variables are problems that say what to write."""
    monkeypatch.setenv("BASERUN_STROE", "x")
    monkeypatch.setenv("BASERUN_ENABLED", "maybe")

    result = run("doctor")

    assert result.exit_code == 1
    assert "there is no option BASERUN_STROE; did you mean BASERUN_STORE;" in result.stdout
    assert "BASERUN_ENABLED is ignored: enabled is 'maybe'; write 1 or 0" in result.stdout


def test_each_value_has_its_source(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each option is shown with its value and source, except the values of secrets."""
    monkeypatch.setenv("BASERUN_API_KEY", "hunter2")
    monkeypatch.setenv("BASERUN_USER_KEY", "hunter2")
    monkeypatch.setenv("BASERUN_INSTRUMENT", "openai")

    result = run("doctor", "--json", "--store", str(tmp_path / "x.sqlite3"))
    settings: dict[str, Any] = json.loads(result.stdout)["configuration"]

    assert settings["store"] == {"value": str(tmp_path / "x.sqlite3"), "source": "--store"}
    assert settings["api_key"] == {"value": "set, not shown", "source": "environment"}
    assert settings["instrument"] == {"value": ["openai"], "source": "environment"}
    assert settings["flush_interval"] == {"value": 0.05, "source": "default"}
    assert "hunter2" not in result.output + run("doctor").output


def test_recording_that_is_switched_off_is_a_warning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`BASERUN_ENABLED=0` is a warning that recording is switched off."""
    monkeypatch.setenv("BASERUN_ENABLED", "0")

    assert "warning\tconfiguration\tenabled\trecording is switched off here\n" in run("doctor").stdout
