"""The examples' own tests, run as their READMEs say, and generating another from a recorded session."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from baserun.cli._app import app as command_line
from waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "example_apps"
ASSISTANTS = {
    "starlette_chat": "baserun_chat/assistant.py",
    "flask_chat": "flask_chat/assistant.py",
    "django_chat": "chat/assistant.py",
}
OTHERS = ("BASERUN_", "CHAT_", "DJANGO_", "OPENAI_", "PYTEST_", "COV_")
OLD_STARLETTE = "The anyio.abc.BlockingPortal alias is deprecated"
"""The warning of an old Starlette with a newer anyio."""
UNREACHABLE = {"OPENAI_BASE_URL": "http://models.invalid/v1"}
"""No host has a name under `invalid`."""


class Ended(NamedTuple):
    """The result of a run of pytest."""

    code: int
    output: str


class Example:
    """A copy of an example's folder, in which its tests run."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder
        self.assistant = folder / ASSISTANTS[name]
        shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("__pycache__", ".*", "*.sqlite3"))

    def pytest(self, *arguments: str) -> Ended:
        """Run ``pytest`` without a reachable provider or a key."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        warnings = ["-W", "error", "-W", f"ignore:{OLD_STARLETTE}:DeprecationWarning"]
        command = [sys.executable, "-m", "pytest", *warnings, "-p", "no:asyncio", *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment | UNREACHABLE, capture_output=True, text=True, timeout=300
        )
        return Ended(done.returncode, done.stdout + done.stderr)


@pytest.fixture(name="example")
def _example(site: Any, tmp_path: Path) -> Example:
    return Example(site.name, tmp_path / site.name)


@pytest.mark.parametrize("options", [(), ("--baserun",)], ids=["plain", "recorded"])
def test_an_example_passes_its_own_tests(example: Example, options: tuple[str, ...]) -> None:
    """``pytest`` in the example's folder passes offline, and writes to its store only with ``--baserun``."""
    done = example.pytest(*options)

    assert done.code == 0, done.output
    assert " passed" in done.output
    assert (example.folder / ".baserun").exists() == bool(options)


def test_a_session_becomes_a_test_that_tells_of_a_changed_prompt(
    site: Any, visit: Callable[[str], Any], example: Example
) -> None:
    """A test generated from a session passes without a provider; with a changed prompt it fails and shows it."""
    visitor = visit("pia")
    for message in ("Where is my order 4713?", 'Please say "goodbye"'):
        visitor.ask(message)
    (session,) = eventually(lambda: ended(site.sessions(visitor), turns=2))
    arguments = ["-o", str(example.folder / "tests"), "--name", "returned_ink", "--drive", "drive"]
    made = CliRunner().invoke(command_line, ["--store", str(site.store), "sessions", "to-test", session.id, *arguments])
    assert made.exit_code == 0, made.output

    before = example.pytest("tests/test_returned_ink.py")
    example.assistant.write_text(example.assistant.read_text().replace("a few friendly", "one short"))
    after = example.pytest("tests/test_returned_ink.py")

    assert before.code == 0, before.output
    assert after.code == 1
    assert "messages[0].content" in after.output
    assert 'Answer in a few friendly sentences."' in after.output
    assert 'Answer in one short sentences."' in after.output


def ended(sessions: list[Any], turns: int) -> list[Any] | None:
    """Return the sessions once `turns` of their traces have ended; None before."""
    statuses = [trace.status for session in sessions for trace in session.traces]
    return sessions if statuses.count("ok") == turns else None
