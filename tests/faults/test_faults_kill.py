"""kill -9 of several writers at random: acknowledged records are stored, and every sum is right."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from baserun.store import open_store

Make = Callable[[str], Any]

INTERVAL = 0.05
RATE = 500
"""Records per second of each writer, at most."""

WRITER = f"""
    baserun.init(store=path, flush_interval={INTERVAL})
    name, number = sys.argv[2], 0
    while True:
        session = f"{{name}}-{{number // 200}}"
        with baserun.with_session(session_identifier=session, user_identifier=f"user-{{number % 3}}"):
            with baserun.start_trace(name=f"{{name}}.{{number}}"):
                time.sleep(1 / {RATE})
        if number % 20 == 0 and baserun.flush(60):
            print("acknowledged", number, flush=True)
        else:
            print("recorded", number, flush=True)
        number += 1
"""


@pytest.mark.parametrize("rounds", [2, pytest.param(25, marks=pytest.mark.storm)])
def test_four_writers_killed_at_random(program: Make, path: Path, rounds: int) -> None:
    """Killed writers lose nothing acknowledged and at most an interval and a batch of the rest; the store is intact."""
    writer = program(WRITER)
    moments = random.Random(rounds)
    acknowledged: dict[str, int] = {}
    recorded: dict[str, int] = {}

    for turn in range(rounds):
        running = {f"w{turn}.{number}": writer.start(f"w{turn}.{number}") for number in range(4)}
        for process in running.values():
            assert process.stdout.readline() == "acknowledged 0\n"  # it has begun
        for process in running.values():
            time.sleep(moments.uniform(0.0, 0.3))
            process.kill()
        for name, process in running.items():
            out, err = process.communicate(timeout=60)
            assert err == ""
            said = ["acknowledged 0", *out.split("\n")[:-1]]
            acknowledged[name] = max(int(line.split()[1]) for line in said if line.startswith("acknowledged"))
            recorded[name] = max(int(line.split()[1]) for line in said)

    with closing(open_store(path, budget=None)) as store:
        assert store.verify() == []
        there = _stored(store)
    for name, last in acknowledged.items():
        numbers = there[name]
        assert numbers >= set(range(last + 1)), "an acknowledged record is lost"
        assert numbers == set(range(len(numbers))), "a record is lost that came before one that is there"
        assert recorded[name] - max(numbers) <= 2 * RATE * INTERVAL + 1000


def _stored(store: Any) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    page = store.traces(limit=1000)
    while True:
        for trace in page:
            name, _, number = trace.name.rpartition(".")
            found.setdefault(name, set()).add(int(number))
        if page.next is None:
            return found
        page = store.traces(limit=1000, after=page.next)
