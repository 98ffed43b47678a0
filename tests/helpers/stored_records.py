"""Records as a store returns them, with everything that a test does not name left unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from baserun.store import StoredAnnotation, StoredCall, StoredSpan, StoredTrace

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """Return the time so many seconds after `START`."""
    return START + timedelta(seconds=seconds)


def a_trace(*spans: StoredSpan, seconds: float = 0, **more: Any) -> StoredTrace:
    """Make a trace of one second that starts at second `seconds`."""
    values: dict[str, Any] = {
        "id": f"{int(seconds):032x}", "session_id": "s", "user_identifier": None, "name": "work", "kind": "request",
        "environment": None, "tags": {}, "started_at": at(seconds), "duration_ms": 1000.0, "status": "ok",
        "error": None, "result": None, "metadata": None, "llm_calls": 0, "errors": 0, "unpriced_calls": 0,
        "input_tokens": None, "output_tokens": None, "cost_usd": None, "spans": list(spans), "annotations": [],
    }  # fmt: skip
    return StoredTrace(**{**values, **more})


def a_span(number: int, parent: int | None = None, *, seconds: float = 0, **more: Any) -> StoredSpan:
    """Make a span of a tenth of a second that starts at second `seconds`; its id, and its parent's, are numbers."""
    values: dict[str, Any] = {
        "id": f"{number:016x}", "trace_id": "0" * 32, "parent_id": None if parent is None else f"{parent:016x}",
        "kind": "function", "name": "step", "started_at": at(seconds), "duration_ms": 100.0, "status": "ok",
        "error": None, "metadata": None,
    }  # fmt: skip
    return StoredSpan(**{**values, **more})


def a_call(number: int, given: Any, answer: Any, *, seconds: float = 0, **more: Any) -> StoredCall:
    """Make a call to a model with this input and output, which starts at second `seconds`."""
    values: dict[str, Any] = {
        "id": f"{number:016x}", "trace_id": "0" * 32, "parent_id": None, "kind": "llm", "name": "chat",
        "started_at": at(seconds), "duration_ms": 100.0, "status": "ok", "error": None, "metadata": None,
        "input": given, "output": answer, "provider": "openai", "operation": "chat", "request_model": "m",
        "response_model": None, "response_id": None, "request_id": None, "stream": None, "stream_end": None,
        "retries": None, "parameters": None, "tool_calls": None, "finish_reasons": None, "usage": None,
        "cost_usd": None, "time_to_first_token_ms": None, "end_user": None,
    }  # fmt: skip
    return StoredCall(**{**values, **more})


def an_annotation(kind: str, *, seconds: float = 0, **more: Any) -> StoredAnnotation:
    """Make an annotation of second `seconds` that is named after its type."""
    values: dict[str, Any] = {
        "id": "a", "session_id": "s", "trace_id": None, "span_id": None, "type": kind, "name": kind, "value": None,
        "score": None, "comment": None, "metadata": None, "created_at": at(seconds),
    }  # fmt: skip
    return StoredAnnotation(**{**values, **more})
