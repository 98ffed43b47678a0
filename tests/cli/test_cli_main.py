"""The command as a whole: its extra, its errors and its exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from baserun.cli._groups import RootGroup
from baserun.exceptions import NarrowFilterError

Run = Callable[..., Result]

HIDE = "import sys; sys.modules[{package!r}] = None; from baserun.cli import main; main()"


@pytest.mark.parametrize("package", ["click", "rich"])
def test_without_the_extra_the_command_says_what_to_install(package: str) -> None:
    """Without the extra `cli` the command ends with exit code 1 and one line with the pip command."""
    done = subprocess.run(
        [sys.executable, "-c", HIDE.format(package=package)], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"baserun: the command line needs the package {package}, which is not installed. "
        'Install the extra, from a checkout of Baserun: pip install ".[cli]"\n'
    )


def test_importing_the_entry_point_is_light() -> None:
    """Importing `baserun.cli` loads neither click nor rich nor sqlite3."""
    code = "import sys, baserun.cli; print(sorted({'click', 'rich', 'sqlite3'} & set(sys.modules)))"

    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_version(run: Run) -> None:
    """`--version` names the installed version."""
    assert run("--version").stdout == f"baserun {version('baserun')}\n"


@pytest.mark.parametrize("command", ["sessions", "users", "traces", "search x", "stats", "prune --older-than 1d"])
def test_a_missing_store_gets_advice(run: Run, tmp_path: Path, command: str) -> None:
    """A command on a missing store says how to name one, and creates none."""
    result = run(*command.split())

    assert result.exit_code == 1
    assert result.stderr.startswith(f"baserun: There is no store at {tmp_path}/.baserun/baserun.sqlite3 yet.")
    assert "--store PATH or BASERUN_STORE" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_store_in_memory_cannot_be_read_from_outside(run: Run) -> None:
    """`--store memory` is refused, with advice to name a file."""
    result = run("--store", "memory", "sessions")

    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "name a file with --store" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--store postgresql://db sessions", "only SQLite is"),
        ("sessions --status broken", "'broken' is not one of 'running'"),
        ("sessions --since yesterday", "write 30m, 24h, 7d"),
        ("sessions --tag plan", "as in plan=pro"),
        ("sessions --limit x", "'x' is no whole number; write one from 1 to 1000, such as --limit 20"),
        ("sessions --limit 2.5", "'2.5' is no whole number; write one from 1 to 1000"),
        ("sessions --limit 0", "0 is too small; write a whole number from 1 to 1000, such as --limit 20"),
        ("search x --limit 1001", "1001 is too large; write a whole number from 1 to 1000"),
        ("users --min-errors x", "'x' is no whole number; write one from 0 to 1000000000, such as --min-errors 1"),
        (f"users --min-errors 1{'0' * 400}", "is too large; write a whole number from 0 to 1000000000"),
        ("users --min-tokens=-1", "-1 is too small; write a whole number from 0 to 1000000000, such as --min-tokens"),
        ("traces --min-cost $1", "'$1' is no number; write one from 0 to 1000000000, such as --min-cost 0.05"),
        ("traces --min-cost nan", "'nan' is no number"),
        ("traces --min-duration 1e999", "write one from 0 to 1000000000, such as --min-duration 2.5"),
        ("ui --port 99999", "99999 is too large; write a whole number from 0 to 65535, such as --port 8080"),
        ("demo --port http", "'http' is no whole number; write one from 0 to 65535, such as --port 8080"),
        ("traces --sort size", "'size' is not one of"),
        ("prune", "--older-than"),
        ("prune --older-than long", "write 12h, 30d or 26w"),
        ("prune --older-than 6m", "may be minutes or months; write min, or a month as 30d"),
        ("sessions 1234", "to see one: baserun sessions show 1234"),
        ("nothing", "No such command 'nothing'"),
    ],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: str, words: str) -> None:
    """Wrong usage ends with exit code 2 and says what to write instead."""
    result = run(*arguments.split())

    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_an_unusable_store_in_the_environment_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unusable `BASERUN_STORE` ends with exit code 2: reading the default store instead would mislead."""
    monkeypatch.setenv("BASERUN_STORE", "nowhere")

    result = run("sessions")

    assert result.exit_code == 2
    assert "BASERUN_STORE cannot be used" in result.stderr


def test_the_store_of_the_environment_is_read(
    run: Run, story: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Commands read the store of `BASERUN_STORE`."""
    monkeypatch.setenv("BASERUN_STORE", str(tmp_path / "data" / "story.sqlite3"))

    assert run("users").exit_code == 0


@pytest.mark.parametrize("command", ["sessions", "stats", "search x"])
def test_a_broken_file_is_one_clear_line(run: Run, tmp_path: Path, command: str) -> None:
    """A broken file gives one line and exit code 1, and is left unchanged."""
    path = tmp_path / "broken.sqlite3"
    path.write_bytes(b"this is no database at all, but long enough to be one" * 100)

    result = run("--store", str(path), *command.split())

    assert result.exit_code == 1
    assert result.stderr.startswith("baserun: The store ")
    assert result.stderr.count("\n") == 1
    assert path.read_bytes().startswith(b"this is no database")


def test_a_query_over_its_budget_says_how_to_narrow_it(runner: CliRunner) -> None:
    """A `NarrowFilterError` of the store is printed with the options that narrow the list."""

    @click.group(cls=RootGroup)
    def root() -> None: ...

    @root.command()
    def ask() -> None:
        raise NarrowFilterError("The list took longer than 2 s.")

    result = runner.invoke(root, ["ask"])

    assert result.exit_code == 1
    assert result.stderr == (
        "baserun: The list took longer than 2 s. Narrow the filter: "
        "one user (--user), a shorter time (--since 24h), or fewer items (--limit).\n"
    )
