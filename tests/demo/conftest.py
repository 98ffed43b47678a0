"""The demo as users start it: the command in its own process, in an empty folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest

import baserun
from baserun.store import StoredSession, StoredTrace
from waiting import PATIENCE, eventually

COMMAND = [sys.executable, "-c", "from baserun.cli import main; main()", "demo", "--no-browser"]
OTHERS = ("BASERUN_", "CHAT_", "OPENAI_")
"""Prefixes of environment variables that would change the demo."""

Found = TypeVar("Found")


class Demo:
    """A running demo."""

    def __init__(self, folder: Path, *options: str, **variables: str) -> None:
        self.folder = folder
        self._log = folder.with_name(f"{folder.name}.log")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        environment["TMPDIR"] = str(folder.parent)  # what a killed demo leaves is removed with the test's other files
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*COMMAND, "--port", "0", *options],
                cwd=folder,
                env={**environment, **variables},
                stdout=log,
                stderr=log,
            )
        self.eventually(lambda: "Ctrl-C" in self.said)
        words = [line.split() for line in self.said.splitlines()]
        self.url = next(line[1] for line in words if line[0] == "chat").rstrip("/")
        self.store = Path(next(line[1] for line in words if line[0] == "store"))

    @property
    def said(self) -> str:
        """Everything that it has printed."""
        return self._log.read_text()

    def eventually(self, look: Callable[[], Found | None]) -> Found:
        """Wait until `look` returns a true value, and return it."""

        def look_while_it_runs() -> Found | None:
            assert self._process.poll() is None, self.said
            return look()

        return eventually(look_while_it_runs, tell=lambda: self.said)

    def sessions(self, name: str) -> list[StoredSession]:
        """Return the stored sessions of a visitor, the earliest first."""
        store = baserun.open_store(self.store, budget=None)
        try:
            found = [store.session(each.id) for each in store.sessions(user=baserun.hash_user(f"{name}@example.com"))]
        finally:
            store.close()
        return sorted((each for each in found if each is not None), key=lambda each: each.started_at)

    def traces(self, name: str, turns: int) -> list[StoredTrace]:
        """Wait until a visitor has `turns` finished traces, and return them."""

        def look() -> list[StoredTrace] | None:
            traces = [each for session in self.sessions(name) for each in session.traces]  # type: ignore[union-attr]
            return traces if len(traces) == turns and all(each.status != "running" for each in traces) else None

        return self.eventually(look)

    def chat(self, name: str, message: str) -> str:
        """Log in and send a message; return the answer."""
        with httpx.Client(base_url=self.url, timeout=PATIENCE) as browser:
            assert browser.post("/login", data={"email": f"{name}@example.com"}).status_code == 303
            response = browser.post("/messages", json={"message": message}).raise_for_status()
        return "".join(json.loads(line).get("text", "") for line in response.text.splitlines())

    def end(self, number: int = signal.SIGINT) -> int:
        """End it by a signal; return its exit code."""
        self._process.send_signal(number)
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """Kill the process if it is still running."""
        self._process.kill()
        self._process.wait()


@pytest.fixture(name="start")
def _start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    started: list[Demo] = []

    def start(*options: str, **variables: str) -> Demo:
        folder = tmp_path / f"empty{len(started)}"
        folder.mkdir()
        started.append(Demo(folder, *options, **variables))
        return started[-1]

    yield start
    for demo in started:
        demo.kill()


@pytest.fixture(name="demo", scope="module")
def _demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    demo = Demo(tmp_path_factory.mktemp("demo"))
    yield demo
    demo.kill()
