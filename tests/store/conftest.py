"""Fixtures of the store tests: SQLite files in temporary folders, and helpers that make rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from baserun.store import Sink, Store, open_sink, open_store
from baserun.store.rows import CallRow, SpanRow, TraceRow

T0 = 1_790_000_000_000_000


class Make:
    """Makes rows with defaults for what a test does not care about; a number gives the id and the order in time."""

    t0 = T0

    def trace(self, number: int, session: str | None = "s", status: str = "ok", **more: Any) -> TraceRow:
        """Make a trace that starts `number` seconds after `t0` and lasts a second, unless it is running."""
        values: dict[str, Any] = {
            "name": "POST /chat",
            "kind": "request",
            "started_us": T0 + number * 1_000_000,
            "duration_us": None if status == "running" else 1_000_000,
            "error_type": "Boom" if status == "error" else None,
        }
        return TraceRow(id=self.trace_id(number), session_id=session, status=status, **{**values, **more})

    def call(self, number: int, trace: TraceRow, status: str = "ok", **more: Any) -> SpanRow:
        """Make a call to a model inside `trace`; `more` has fields of the call and of the span."""
        of_call = {key: more.pop(key) for key in list(more) if key in CallRow.__struct_fields__}
        values: dict[str, Any] = {
            "kind": "llm",
            "name": "chat",
            "started_us": trace.started_us + number,
            "duration_us": 500_000,
            "error_type": "Boom" if status == "error" else None,
            "call": CallRow(**{"provider": "openai", **of_call}),
        }
        return SpanRow(id=self.span_id(number), trace=trace, parent_id=None, status=status, **{**values, **more})

    def trace_id(self, number: int) -> str:
        """Return the id of the trace with this number."""
        return f"{number:032x}"

    def span_id(self, number: int) -> str:
        """Return the id of the span with this number."""
        return f"{number:016x}"


@pytest.fixture(name="make")
def _make() -> Make:
    return Make()


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "baserun.sqlite3"


@pytest.fixture(name="new_sink")
def _new_sink(path: Path) -> Iterator[Callable[[], Sink]]:
    """Return a function that opens another sink on the same store, as another process would."""
    sinks: list[Sink] = []

    def open_one() -> Sink:
        sinks.append(open_sink(path))
        return sinks[-1]

    yield open_one
    for sink in sinks:
        sink.close()


@pytest.fixture(name="sink")
def _sink(new_sink: Callable[[], Sink]) -> Sink:
    return new_sink()


@pytest.fixture(name="store")
def _store(path: Path) -> Iterator[Store]:
    store = open_store(path, budget=None)  # tests may run on a busy machine
    yield store
    store.close()
