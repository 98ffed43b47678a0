"""Several processes on one store, some of them killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from baserun.store import Store
from waiting import eventually

WRITER = """
import os, sys, time
from contextlib import suppress
from baserun.exceptions import StoreUnavailableError
from baserun.store import open_sink
from baserun.store.rows import CallRow, EndSession, OpenSession, SpanRow, TraceRow

path, name, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
acknowledged = os.open(f"{path}.{name}.acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sink = open_sink(path)
for number in range(most):
    unique = abs(hash((name, number))) & (2**63 - 1) or 1
    session, now = f"{name}-{number // 5}", time.time_ns() // 1000
    running = TraceRow(id=f"{unique:032x}", session_id=session, started_us=now, name=name, kind="request",
                       status="running", user_identifier=f"user-{number % 7}", user_strength=3)
    call = CallRow(request_model="small", input_tokens=number, cost_nano=number, input_preview=f"q{number}")
    span = SpanRow(id=f"{unique:016x}", trace=running, parent_id=None, kind="llm", name="chat", started_us=now,
                   duration_us=5, status="ok" if number % 3 else "error", input='"words to be found"', call=call)
    done = TraceRow(id=running.id, session_id=session, started_us=now, name=name, kind="request", status="ok",
                    duration_us=9, user_identifier=f"user-{number % 7}", user_strength=3)
    sink.write([OpenSession(id=session, at_us=now, user_identifier=f"user-{number % 3}", user_strength=3), span])
    sink.write([done, EndSession(id=session, at_us=now + 10)])
    os.write(acknowledged, f"{span.id}\\n".encode())
    if number % 10 == 0:
        with suppress(StoreUnavailableError):
            sink.maintain()
sink.close()
"""


def _writer(path: Path, name: str, most: int = 10**9) -> subprocess.Popen[bytes]:
    path.parent.mkdir(exist_ok=True)
    return subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, str(most)])


def _acknowledged(path: Path) -> set[str]:
    """Return the ids of spans that a writer noted as written."""
    files = path.parent.glob(f"{path.name}.*.acknowledged")
    return {line for file in files for line in file.read_text().splitlines()}


def _wait_for_work(path: Path, names: list[str]) -> None:
    """Wait until each of these writers has stored something; it may be killed after that."""
    files = [path.with_name(f"{path.name}.{name}.acknowledged") for name in names]
    eventually(lambda: all(file.exists() and file.stat().st_size for file in files))


def _stored_spans(store: Store) -> set[str]:
    found: set[str] = set()
    after = None
    while True:
        page = store.sessions(limit=500, after=after)
        for each in page:
            session = store.session(each.id)
            assert session is not None
            assert isinstance(session.traces, list)
            found |= {span.id for trace in session.traces for span in trace.spans or []}
        after = page.next
        if after is None:
            return found


def test_writers_in_several_processes_lose_nothing(path: Path, store: Store) -> None:
    """Four processes that write to one store at once lose nothing, and every sum is right."""
    writers = [_writer(path, f"w{number}", 25) for number in range(4)]

    ended = [writer.wait(120) for writer in writers]

    assert ended == [0] * 4
    assert len(_acknowledged(path)) == 100
    assert _stored_spans(store) == _acknowledged(path)
    assert store.verify() == []


@pytest.mark.storm
@pytest.mark.parametrize("rounds", [25])
def test_writers_that_are_killed_lose_nothing_acknowledged(path: Path, store: Store, rounds: int) -> None:
    """After a hundred kills of writers at random moments every acknowledged span is stored and every sum is right."""
    moments = random.Random(20261122)
    for turn in range(rounds):
        names = [f"w{turn}-{number}" for number in range(4)]
        writers = [_writer(path, name) for name in names]
        _wait_for_work(path, names)
        for writer in writers:
            time.sleep(moments.uniform(0.0, 0.1))
            writer.kill()
            writer.wait()

    stored, acknowledged = _stored_spans(store), _acknowledged(path)

    assert store.verify() == []
    assert acknowledged - stored == set()
    assert len(stored - acknowledged) <= 4 * rounds
