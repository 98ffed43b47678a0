"""The order in which traces, and what happened in them, are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from baserun.store import StoredAnnotation, StoredError, StoredSpan, StoredTrace
from baserun.wording.order import in_order, told_at, with_pauses

START = datetime(2026, 6, 1, tzinfo=UTC)
BOOM = StoredError(type="Boom", message="no")


def at(seconds: float) -> datetime:
    """Return the time so many seconds after the start."""
    return START + timedelta(seconds=seconds)


def trace(seconds: float = 0, duration: float = 0, **more: Any) -> StoredTrace:
    """Make a trace that starts at second `seconds` and lasts `duration` seconds."""
    values: dict[str, Any] = {
        "id": "0" * 32, "session_id": None, "user_identifier": None, "name": "work", "kind": "function",
        "environment": None, "tags": {}, "started_at": at(seconds), "duration_ms": duration * 1000, "status": "ok",
        "error": None, "result": None, "metadata": None, "llm_calls": 0, "errors": 0, "unpriced_calls": 0,
        "input_tokens": None, "output_tokens": None, "cost_usd": None, "spans": [], "annotations": [],
    }  # fmt: skip
    return StoredTrace(**{**values, **more})


def span(kind: str, seconds: float, duration: float) -> StoredSpan:
    """Make a span that is named after its kind, starts at second `seconds` and lasts `duration` seconds."""
    return StoredSpan(
        id="0" * 16, trace_id="0" * 32, parent_id=None, kind=kind, name=kind, started_at=at(seconds),
        duration_ms=duration * 1000, status="ok", error=None, metadata=None,
    )  # fmt: skip


def note(kind: str, seconds: float) -> StoredAnnotation:
    """Make an annotation of second `seconds` that is named after its type."""
    return StoredAnnotation(
        id="a", session_id=None, trace_id="0" * 32, span_id=None, type=kind, name=kind, value=None, score=None,
        comment=None, metadata=None, created_at=at(seconds),
    )  # fmt: skip


def test_pauses_begin_at_the_end_of_everything_before() -> None:
    """A pause of a minute or more is told; a short one is not, nor one during which an earlier trace still ran."""
    long, within = trace(0, duration=600), trace(300)
    soon, later = trace(630), trace(690)

    assert list(with_pauses([later, soon, within, long])) == [
        (long, None),
        (within, None),
        (soon, None),
        (later, timedelta(minutes=1)),
    ]


def test_a_trace_with_nothing_but_an_error_is_told_at_its_end() -> None:
    """A trace is placed by its start, and one that has only an error by its end."""
    assert told_at(trace(10, duration=5)) == at(10)
    assert told_at(trace(10, duration=5, error=BOOM)) == at(15)
    assert told_at(trace(10, duration=5, error=BOOM, spans=[span("tool", 11, 1)])) == at(10)


def test_feedback_is_told_last_and_a_function_at_its_end() -> None:
    """A tool is placed by its start, a function by its end, a log by its time, and feedback after everything."""
    happened = trace(
        spans=[span("function", 0, 10), span("tool", 2, 20)], annotations=[note("feedback", 1), note("log", 5)]
    )

    assert [one.name for one in in_order(happened)] == ["tool", "log", "function", "feedback"]
