"""Programs in processes of their own, with a store of their own, and a model that they all ask."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from baserun.store import StoredSession, open_store

PATIENCE = 120.0  # seconds for what is a matter of moments on a machine that has nothing else to do
SITES = Path(__file__).parent / "sites"
OTHERS = ("BASERUN_", "OPENAI_", "DJANGO_", "FLASK_", "CELERY_")
"""Variables of whoever runs the tests that would change a program."""

Found = TypeVar("Found")


def eventually(look: Callable[[], Found]) -> Found:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


class Place:
    """A folder in which programs run; whoever asks a model there asks the one at `environment`."""

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
        """Run Python with these arguments to its end; what it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Callable[[], str]]:
        """Run Python with these arguments for a block that gets what it has written so far; then end it by SIGTERM."""
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
        """Every session that is stored, with everything in it."""
        if not self.store.exists():
            return []
        with closing(open_store(self.store, budget=None)) as store:
            return [session for each in store.sessions() if (session := store.session(each.id)) is not None]

    def calls(self) -> int:
        """How many calls are stored, in sessions or outside, that have ended."""
        if not self.store.exists():
            return 0
        with closing(open_store(self.store, budget=None)) as store:
            return sum(trace.llm_calls for trace in store.traces() if trace.status != "running")

    def problems(self) -> list[str]:
        """What is wrong with the store."""
        with closing(open_store(self.store, budget=None)) as store:
            return [str(problem) for problem in store.verify()]


@pytest.fixture(name="eventually", scope="session")
def _eventually() -> Callable[[Callable[[], Found]], Found]:
    return eventually


@pytest.fixture(name="make_place", scope="session")
def _make_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], Place]:
    """Make a folder in which programs run with these variables."""
    return lambda environment: Place(tmp_path_factory.mktemp("place"), environment)
