"""The pages over stores of several sizes: the server's time for each, and the bytes that it sends."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from baserun.store import Store, open_store
from baserun_monitor import Pages
from benchmarks import _stored
from benchmarks._measure import REFERENCE_YARDSTICK, yardstick
from benchmarks._report import Figure
from benchmarks._sizes import Size

SESSIONS = {"smoke": (3,), "usual": (10_000,), "full": (10_000, 100_000)}
REPETITIONS = {"smoke": 1, "usual": 9, "full": 9}
PAGE_MS, PAGE_BYTES, UNLUCKY_MS = 100.0, 200_000, 500.0
OK, NARROW = "200 OK", "503 Service Unavailable"


class Answer(NamedTuple):
    """The time, status and size of one answer."""

    cpu_ms: float
    clock_ms: float
    status: str
    size: int


def run(size: Size) -> Iterator[Figure]:
    """Fill a store and open every page over it."""
    for sessions in SESSIONS[size]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "store.sqlite3"
            _stored.fill(path, sessions)
            _stored.index(path)
            yield from measure(path, sessions, REPETITIONS[size])


def measure(path: Path, sessions: int, repetitions: int) -> Iterator[Figure]:
    """Open every page over a store that `_stored.fill` made."""
    store, calls = open_store(path), f"{sessions * _stored.CALLS_PER_SESSION:,} calls"
    pages = Pages(store, allow=lambda environ: True)
    largest = 0
    for name, place in _places(store, sessions).items():
        answers, scale = _opened(pages, place, repetitions)
        largest = max(largest, *(answer.size for answer in answers))
        yield Figure(f"{calls}: {name}", _cpu(answers), "ms", PAGE_MS * scale, remark=_remark(answers))
    yield Figure(f"{calls}: the largest page", largest, "bytes", PAGE_BYTES)
    for name, query in UNLUCKY.items():
        answers, _ = _opened(pages, f"/traces?{urlencode(query)}", repetitions)
        slowest = max(answer.clock_ms for answer in answers)
        yield Figure(f"{calls}: {name}, by the clock", slowest, "ms", UNLUCKY_MS, remark=_remark(answers))
    pages.close()


UNLUCKY = {
    "traces that cost what none did, by tokens": {"min_cost": "1000", "sort": "-tokens"},
    "traces: model, word, seconds, by cost": {
        "model": "gpt-4o-mini", "text": "ba", "min_duration": "3.99", "sort": "-cost",
    },
}  # fmt: skip
"""Filters that no index answers: the page shows a result within the budget, or says "narrow the filter"."""


def _places(store: Store, sessions: int) -> dict[str, str]:
    session = _stored.session_id(sessions // 2)
    user = _stored.user_identifier(sessions // 2, sessions)
    trace = store.traces(session=session, limit=1).items[0].id
    periods = {f"Overview, {period}": f"/?period={period}" for period in ("1h", "24h", "7d", "30d", "90d")}
    return {
        **periods,
        "Sessions": "/sessions",
        "Sessions, JSON": "/sessions.json",
        "Sessions, negative feedback": "/sessions?feedback=negative",
        "Sessions, with errors": "/sessions?min_errors=1",
        "Session": f"/sessions/{session}",
        "Users": "/users",
        "User": f"/users/{user}",
        "Traces": "/traces",
        "Traces, errors": "/traces?status=error",
        "Traces, a rare tag": "/traces?tag=rare%3Dyes",
        "Trace": f"/traces/{trace}",
        "Search, two words": "/search?text=conder+elfor",
    }


def _opened(pages: Pages, place: str, repetitions: int) -> tuple[list[Answer], float]:
    """Return the answers without the first, which opens and warms up, and how slow the machine was."""
    answers, scales = [], []
    for _ in range(repetitions + 1):
        gc.collect()
        scales.append(yardstick(200) / REFERENCE_YARDSTICK)
        answers.append(_answer(pages, place))
    return answers[1:], statistics.median(scales)


def _answer(pages: Pages, place: str) -> Answer:
    path, _, query = place.partition("?")
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "HTTP_HOST": "localhost"}
    statuses: list[str] = []

    def start(status: str, headers: Any) -> None:
        statuses.append(status)

    clock, cpu = time.perf_counter(), time.thread_time()
    body: Iterable[bytes] = pages.wsgi(environ, start)
    size = sum(len(piece) for piece in body)
    return Answer((time.thread_time() - cpu) * 1000, (time.perf_counter() - clock) * 1000, statuses[0], size)


def _cpu(answers: list[Answer]) -> float:
    return statistics.median(answer.cpu_ms for answer in answers)


def _remark(answers: list[Answer]) -> str:
    statuses = [answer.status for answer in answers]
    narrow = statuses.count(NARROW)
    others = sorted(set(statuses) - {OK, NARROW})
    size = f"{max(answer.size for answer in answers) / 1000:.0f} kB"
    told = [f'"narrow the filter" {narrow} times of {len(statuses)}'] if narrow else []
    return ", ".join([size, *told, *others])
