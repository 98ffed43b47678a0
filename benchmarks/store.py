"""The store: the speed of writing, its size, the speed of queries."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from baserun.exceptions import NarrowFilterError
from baserun.store import open_store
from baserun.store._contract import Store
from benchmarks import _stored, _writing
from benchmarks._measure import REFERENCE_YARDSTICK, yardstick
from benchmarks._report import Figure
from benchmarks._sizes import Size

CALLS_WRITTEN = {"smoke": 20, "usual": 20_000, "full": 50_000}
SESSIONS_READ = {"smoke": (3,), "usual": (1_000, 10_000), "full": (1_000, 10_000, 100_000)}
REPETITIONS = {"smoke": 1, "usual": 9, "full": 9}
FAST_MS, ONE_MS, ANY_MS = 10.0, 5.0, 300.0
"""Targets in milliseconds: a list in default order or with one indexed filter; one session; any other combination."""

Question = Callable[[Store], Any]


def run(size: Size) -> Iterator[Figure]:
    """Measure writing, size and reading, in this order."""
    yield from _written(CALLS_WRITTEN[size], rounds=1 if size == "smoke" else 3)
    for sessions in SESSIONS_READ[size]:
        with tempfile.TemporaryDirectory() as folder:
            yield from _read(Path(folder) / "store.sqlite3", sessions, REPETITIONS[size])


def _written(calls: int, rounds: int) -> Iterator[Figure]:
    yield from _rate("1 process", calls, 1, None, "core", 15_000, rounds)
    yield from _rate("4 processes", calls, 4, None, "core", 25_000, rounds)
    yield from _rate("1 process, default redaction", calls, 1, "default", "core", 8_000, rounds)
    try:
        import openai  # noqa: F401
    except ImportError:
        yield Figure("1 process, read from the wire by baserun_openai", None, "", remark="openai is not installed")
        return
    yield from _rate("1 process, openai", calls, 1, None, "openai", None, rounds)
    yield from _rate("1 process, openai, default redaction", calls, 1, "default", "openai", None, rounds)


def _rate(
    name: str, calls: int, processes: int, redact: str | None, source: str, target: int | None, rounds: int
) -> Iterator[Figure]:
    written = _writing.write(calls // processes, processes, redact, source, rounds)
    scale = _writing.scale_of(written)
    aim = None if target is None else target / scale
    yield Figure(f"written by {name}", _writing.rate(written), "calls/s", aim, True, remark=f"(x {scale:.2f})")
    # On a shared machine CPU time says more than the clock. The target counts one core for one process, two for four.
    most = None if target is None else 1e6 / target * min(processes, 2) * scale
    yield Figure(f"written by {name}: CPU, caller included", _writing.cpu_us(written), "us/call", most)


def _read(path: Path, sessions: int, repetitions: int) -> Iterator[Figure]:
    calls = f"{sessions * _stored.CALLS_PER_SESSION:,} calls"
    yield Figure(f"{calls}: size, without search", _stored.fill(path, sessions), "bytes/call", 3_072)
    cpu = time.process_time()
    _stored.index(path)
    indexing = (time.process_time() - cpu) / sessions / _stored.CALLS_PER_SESSION * 1e6
    yield Figure(f"{calls}: filling the search index", indexing, "us/call")
    size = _stored.size_of(path) / sessions / _stored.CALLS_PER_SESSION
    yield Figure(f"{calls}: size, with search", size, "bytes/call", 4_096)
    store = open_store(path)
    for name, target_ms, question in _questions(sessions):
        milliseconds, scale, remark = _timed(store, question, repetitions)
        yield Figure(f"{calls}: {name}", milliseconds, "ms", target_ms * scale, remark=remark)
    store.close()


def _questions(sessions: int) -> list[tuple[str, float, Question]]:
    middle = sessions // 2
    session, user = _stored.session_id(middle), _stored.user_identifier(middle, sessions)
    return [
        ("sessions", FAST_MS, lambda store: store.sessions()),
        ("users", FAST_MS, lambda store: store.users()),
        ("traces", FAST_MS, lambda store: store.traces()),
        ("one session with its content", ONE_MS, lambda store: store.session(session)),
        ("one user", ONE_MS, lambda store: store.user(user)),
        ("sessions of one user", FAST_MS, lambda store: store.sessions(user=user)),
        ("traces of one session", FAST_MS, lambda store: store.traces(session=session)),
        ("traces with errors", FAST_MS, lambda store: store.traces(status="error")),
        ("sessions with negative feedback", FAST_MS, lambda store: store.sessions(feedback="negative")),
        ("traces of a rare model", FAST_MS, lambda store: store.traces(model="o3")),
        ("traces with a rare tag", FAST_MS, lambda store: store.traces(tag="rare=yes")),
        ("search for a frequent word", ANY_MS, lambda store: store.search("ba")),
        ("search for two words", ANY_MS, lambda store: store.search("conder elfor")),
        ("traces by duration", ANY_MS, lambda store: store.traces(sort="-duration")),
        ("traces of a model by duration", ANY_MS, lambda store: store.traces(model="gpt-4o-mini", sort="-duration")),
        ("traces that cost what none did", ANY_MS, lambda store: store.traces(min_cost=1000.0)),
        ("sessions by cost", ANY_MS, lambda store: store.sessions(sort="-cost")),
        (
            "sessions: status, model, text, sorted by tokens",
            ANY_MS,
            lambda store: store.sessions(status="error", model="o3", text="ba", sort="-tokens"),
        ),
        (
            "traces: feedback, text, minimum duration",
            ANY_MS,
            lambda store: store.traces(feedback="negative", text="con", min_duration=3.9),
        ),
    ]


def _timed(store: Store, question: Question, repetitions: int) -> tuple[float, float, str]:
    """Return milliseconds of CPU (a query of a local file is little else), the machine's scale, and a remark."""
    times, scales, cut = [], [], 0
    for _ in range(repetitions + 1):  # the first one opens and warms up
        gc.collect()
        scales.append(yardstick(200) / REFERENCE_YARDSTICK)
        start = time.thread_time_ns()
        try:
            question(store)
        except NarrowFilterError:
            cut += 1
        times.append((time.thread_time_ns() - start) / 1e6)
    remark = f'"narrow the filter" {cut} times of {len(times)}' if cut else ""
    return statistics.median(times[1:]), statistics.median(scales), remark
