"""Several processes on one store, some of them killed."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from baserun.store import Store

WRITER = """
import sys, time
from baserun.store import open_sink
from baserun.store.rows import CallRow, EndSession, OpenSession, SpanRow, TraceRow

path, name, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
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
    sys.stdout.write(f"{span.id}\\n")
    sys.stdout.flush()
    if number % 10 == 0:
        sink.maintain()
sink.close()
"""


def _writer(path: Path, name: str, most: int = 10**9) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), name, str(most)], stdout=subprocess.PIPE, text=True
    )


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
    """Four processes write into one store at the same time, and every sum is right."""
    writers = [_writer(path, f"w{number}", 25) for number in range(4)]

    acknowledged = {line.strip() for writer in writers for line in writer.communicate(timeout=120)[0].splitlines()}

    assert [writer.returncode for writer in writers] == [0] * 4
    assert len(acknowledged) == 100
    assert _stored_spans(store) == acknowledged
    assert store.verify() == []


@pytest.mark.storm
@pytest.mark.parametrize("rounds", [25])
def test_writers_that_are_killed_lose_nothing_acknowledged(path: Path, store: Store, rounds: int) -> None:
    """Of four writers killed at random a hundred times, every acknowledged row is there and every sum is right."""
    acknowledged: set[str] = set()
    moments = random.Random(20261122)
    for turn in range(rounds):
        writers = [_writer(path, f"w{turn}-{number}") for number in range(4)]
        acknowledged |= {_first_line(writer) for writer in writers}
        for writer in writers:
            time.sleep(moments.uniform(0.0, 0.1))
            writer.kill()
        for writer in writers:
            lines = writer.communicate(timeout=60)[0].splitlines(keepends=True)
            acknowledged |= {line.strip() for line in lines if line.endswith("\n")}

    differences = store.verify()
    stored = _stored_spans(store)

    assert differences == []
    assert acknowledged - stored == set()
    assert len(stored - acknowledged) <= 4 * rounds


def _first_line(writer: subprocess.Popen[str]) -> str:
    """Wait until the writer is in its work; from then on it is killed at any moment."""
    assert writer.stdout is not None
    return writer.stdout.readline().strip()
