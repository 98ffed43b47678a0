"""Fixtures of the fault tests: programs in processes of their own, which may be killed, and checks of their store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from textwrap import dedent

import pytest

from baserun.store import open_store
from waiting import PATIENCE

PREAMBLE = """\
from __future__ import annotations
import os, sys, threading, time
import baserun

def closed():
    "The ledger, which must balance, and weighs nothing when nothing is queued."
    stats = baserun.stats()
    assert stats.captured == stats.stored + stats.queued + sum(stats.dropped.values()), stats
    assert stats.queued or not stats.queued_bytes, stats
    return stats

def until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.005)

path = sys.argv[1]
"""
"""The beginning of every program; its first argument is the path of the store."""


class Program:
    """A program in a file; its processes end with the test."""

    def __init__(self, file: Path, store: Path) -> None:
        self.file = file
        self._store = store
        self._started: list[subprocess.Popen[str]] = []

    def start(
        self,
        *arguments: object,
        flags: tuple[str, ...] = (),
        prepare: Callable[[], None] | None = None,
        **environment: str,
    ) -> subprocess.Popen[str]:
        """Start it in a process group of its own; `prepare` is called there before Python starts."""
        process = subprocess.Popen(
            [sys.executable, *flags, str(self.file), str(self._store), *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
            preexec_fn=prepare,
        )
        self._started.append(process)
        return process

    def run(
        self, *arguments: object, flags: tuple[str, ...] = (), patience: float = PATIENCE, **environment: str
    ) -> tuple[int, str, str]:
        """Run it to its end; return the exit status, stdout and stderr."""
        process = self.start(*arguments, flags=flags, prepare=None, **environment)
        out, err = process.communicate(timeout=patience)
        return process.returncode, out, err

    def end(self) -> None:
        """Kill all of its processes that are left."""
        for process in self._started:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "baserun.sqlite3"


@pytest.fixture(name="program")
def _program(tmp_path: Path, path: Path) -> Iterator[Callable[[str], Program]]:
    """Return a function that makes a program of a source, with `PREAMBLE` before it."""
    made: list[Program] = []

    def make(source: str) -> Program:
        file = tmp_path / f"program_{len(made)}.py"
        file.write_text(PREAMBLE + dedent(source), encoding="utf-8")
        made.append(Program(file, path))
        return made[-1]

    yield make
    for each in made:
        each.end()


@pytest.fixture(name="messages")
def _messages(path: Path) -> Callable[[], list[str]]:
    """Return a function that checks the store and returns the sorted values of all annotations in sessions."""

    def read() -> list[str]:
        with closing(open_store(path, budget=None)) as store:
            assert store.verify() == []
            ids = [session.id for session in store.sessions(limit=1000)]
            sessions = [session for each in ids if (session := store.session(each))]
        return sorted(str(note.value) for session in sessions for note in session.annotations or [])

    return read
