"""Writing calls to a store, by one process and by several."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import baserun
from baserun.instrumentation import CallDetails, RawJSON, Usage, finish_call, start_call
from benchmarks._conversation import Wire, Writer
from benchmarks._measure import REFERENCE_YARDSTICK, yardstick
from benchmarks._stored import keep_index_apart

CALLS_PER_SESSION = 10
QUEUE_BYTES = 1 << 30
DIFFERENT_CALLS = 500
BARRIER_TIMEOUT = 120  # seconds until all workers must have started

Make = Callable[[], object]
"""Makes and records one call."""


class Written(NamedTuple):
    """The number of calls that one process wrote, and the time it took."""

    calls: int
    seconds: float
    cpu_seconds: float
    started: float
    ended: float
    scale: float


def write(count: int, processes: int, redact: str | None, source: str, rounds: int = 3) -> list[Written]:
    """Return the median of several rounds in which `processes` new processes write `count` calls each, concurrently."""
    found = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            found.append(_write(os.path.join(folder, "store.sqlite3"), count, processes, redact, source))
    return sorted(found, key=rate)[len(found) // 2]


def rate(written: list[Written]) -> float:
    """Return calls per second of wall-clock time, of all processes together."""
    seconds = max(each.ended for each in written) - min(each.started for each in written)
    return sum(each.calls for each in written) / seconds


def cpu_us(written: list[Written]) -> float:
    """Return microseconds of CPU per call, on all threads."""
    return sum(each.cpu_seconds for each in written) / sum(each.calls for each in written) * 1e6


def scale_of(written: list[Written]) -> float:
    """Return how many times as slow as the machine of the targets this one was meanwhile."""
    return statistics.mean(each.scale for each in written)


def _write(path: str, count: int, processes: int, redact: str | None, source: str) -> list[Written]:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(processes, timeout=BARRIER_TIMEOUT)
    workers = []
    for number in range(processes):
        answers, answering = context.Pipe(duplex=False)
        arguments = (path, count, redact, source, number, barrier, answering)
        worker = context.Process(target=_work, args=arguments, daemon=True)
        worker.start()
        answering.close()  # so that `recv` fails if the worker ends without an answer
        workers.append((worker, answers))
    written = [answers.recv() for _, answers in workers]
    for worker, _ in workers:
        worker.join()
    return written


def _work(path: str, count: int, redact: str | None, source: str, seed: int, barrier: Any, answering: Any) -> None:
    keep_index_apart()
    baserun.init(
        store=path,
        redact=redact,
        instrument="none" if source == "core" else "openai",
        queue_bytes=QUEUE_BYTES,
        exit_timeout=60,
    )
    makes = _makes(source, seed)
    _record(makes[:CALLS_PER_SESSION])
    baserun.flush(60)
    before = yardstick()
    barrier.wait()
    cpu, start, started = time.process_time(), time.perf_counter(), time.time()
    _record([makes[number % len(makes)] for number in range(count)])
    if not baserun.flush(600) or baserun.stats().dropped:
        raise RuntimeError(f"not everything was written: {baserun.stats()}")
    seconds, cpu, ended = time.perf_counter() - start, time.process_time() - cpu, time.time()
    scale = (before + yardstick()) / 2 / REFERENCE_YARDSTICK
    answering.send(Written(count, seconds, cpu, started, ended, scale))


def _record(makes: list[Make]) -> None:
    for first in range(0, len(makes), CALLS_PER_SESSION):
        with baserun.with_session(user_identifier=f"user {first % 1000}"):
            for make in makes[first : first + CALLS_PER_SESSION]:
                make()


def _makes(source: str, seed: int) -> list[Make]:
    writer = Writer(seed)
    wires = [writer.call() for _ in range(DIFFERENT_CALLS)]
    if source == "core":
        return [PlainCall(wire).make for wire in wires]
    from benchmarks._stub import StubbedCall

    return [StubbedCall(wire).make for wire in wires]


class PlainCall:
    """A call whose details are all known beforehand, to measure the core without an integration."""

    def __init__(self, wire: Wire) -> None:
        import msgspec

        request, response = msgspec.json.decode(wire.request), msgspec.json.decode(wire.response)
        message = response["choices"][0]["message"]
        self._size = len(wire.request) + len(wire.response)
        self._details = CallDetails(
            provider="openai",
            operation="chat",
            request_model=request["model"],
            response_model=response["model"],
            response_id=response["id"],
            stream=False,
            retries=0,
            parameters=RawJSON(b'{"temperature":0.2,"max_tokens":300}'),
            input=RawJSON(msgspec.json.encode(request["messages"])),
            output=RawJSON(msgspec.json.encode([message])),
            finish_reasons=["stop"],
            usage=Usage(
                input_tokens=response["usage"]["prompt_tokens"], output_tokens=response["usage"]["completion_tokens"]
            ),
            input_preview=request["messages"][-1]["content"],
            output_preview=message["content"],
        )

    def make(self) -> None:
        """Record the call."""
        span = start_call("chat gpt-4o-mini")
        if span is not None:
            finish_call(span, self, self._size)

    def describe(self) -> CallDetails:
        """Return the details."""
        return self._details
