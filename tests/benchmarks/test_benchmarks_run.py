"""Every part of the benchmarks runs, with numbers too small to be meaningful."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openai")  # some parts measure the client

ROOT = Path(__file__).parents[2]
EXPECTED = {
    "weight": ("import baserun, bare interpreter: time", "first use, after both: memory"),
    "core": ("session, new", "session, resumed", "span with 5 attributes"),
    "store": ("written by 1 process", "written by 4 processes", "size, with search", "one session with its content"),
    "pages": ("Overview, 90d", "Sessions", "Session", "User", "Trace", "the largest page", "by the clock"),
    "openai": (
        "sync",
        "async",
        "50-chunk stream",
        "100 kB prompt",
        "session and user set",
        "stub of the client, searchable",
        "stub of the client, 50-chunk stream",
        "stub of the client, 100 kB prompt",
    ),
    "web": ("own session", "baserun, untouched", "baserun, resumed + call"),
}


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)


@pytest.mark.parametrize("part", EXPECTED)
def test_a_part_of_the_benchmarks_runs(part: str) -> None:
    """A part exits with 0 and prints a figure for everything that it measures."""
    answer = benchmarks("--smoke", part)

    assert (answer.returncode, answer.stderr) == (0, "")
    for name in EXPECTED[part]:
        assert re.search(rf"{re.escape(name)} +-?[0-9][0-9.,]*", answer.stdout), answer.stdout


def test_an_unknown_part_is_told() -> None:
    """An unknown part is refused, and the error names the valid ones."""
    answer = benchmarks("colour")

    assert answer.returncode == 2
    assert "there is no part colour; choose from weight, store, pages, core" in answer.stderr
