"""Programs in their own processes and folders, with a shared store and model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from baserun.store import StoredSession, open_store
from waiting import PATIENCE

SITES = Path(__file__).parent / "sites"
OTHERS = ("BASERUN_", "OPENAI_", "DJANGO_", "FLASK_", "CELERY_")
"""Prefixes of environment variables that would change a program."""


class Place:
    """A folder in which programs run with a store and the variables of `environment`, such as those of a model."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.store = folder / "store.sqlite3"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        self.environment = {
            **inherited,
            "BASERUN_STORE": str(self.store),
            "PYTHONPATH": str(SITES),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }

    def run(self, *arguments: str) -> str:
        """Run Python with these arguments to its end; return its output."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Callable[[], str]]:
        """Run Python with these arguments during the block, which can get its output so far; then send SIGTERM."""
        log = self.folder / "log.txt"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.folder, env=self.environment, stdout=file, stderr=file,
            )  # fmt: skip

        def written() -> str:
            text = log.read_text(errors="replace")
            assert process.poll() is None, text
            return text

        try:
            yield written
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.wait()

    def sessions(self) -> list[StoredSession]:
        """Return all stored sessions with their content."""
        if not self.store.exists():
            return []
        with closing(open_store(self.store, budget=None)) as store:
            return [session for each in store.sessions() if (session := store.session(each.id)) is not None]

    def calls(self) -> int:
        """Return the number of stored calls in traces that have ended."""
        if not self.store.exists():
            return 0
        with closing(open_store(self.store, budget=None)) as store:
            return sum(trace.llm_calls for trace in store.traces() if trace.status != "running")

    def problems(self) -> list[str]:
        """Return the problems that verifying the store finds."""
        with closing(open_store(self.store, budget=None)) as store:
            return [str(problem) for problem in store.verify()]


@pytest.fixture(name="make_place", scope="session")
def _make_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], Place]:
    """A function that makes a `Place` with environment variables."""
    return lambda environment: Place(tmp_path_factory.mktemp("place"), environment)
