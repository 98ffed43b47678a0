"""Traces and spans as blocks: what opens a trace, what opens a span, and what is recorded of each."""

from __future__ import annotations

from typing import Any

import pytest

import baserun
from baserun.instrumentation import CallDetails, Usage, finish_call, start_call
from baserun.testing import Captured, FakeClock
from recorded_calls import Described, record_call

FIRST = "00000000-0000-4000-8000-000000000001"


def tree(captured: Captured) -> list[tuple[str, str, list[tuple[str, str, str | None]]]]:
    """Return each trace's name, kind and spans, the latter with name, kind and name of the parent."""
    return [(trace.name, trace.kind, spans_of(trace.spans or [])) for trace in captured.traces]


def spans_of(spans: list[Any]) -> list[tuple[str, str, str | None]]:
    names = {span.id: span.name for span in spans}
    return sorted((span.name, span.kind, names.get(span.parent_id)) for span in spans)


def test_trace_is_recorded_whole(captured: Captured, clock: FakeClock) -> None:
    """A trace with a span reads back with every field."""
    with baserun.with_session("u"), baserun.start_trace("answer", metadata={"a": 1}, kind="request") as trace:
        trace.metadata["language"] = "en"
        clock.advance(1)
        with baserun.span("lookup", kind="tool", metadata={"b": 2}) as span:
            span.input = {"order": 7}
            span.result = ["found"]
            clock.advance(0.25)
        trace.result = {"text": "done"}

    assert [stored.to_dict() for stored in captured.traces] == [
        {
            "id": "00000000000000000000000000000001",
            "session_id": FIRST,
            "user_identifier": "u",
            "name": "answer",
            "kind": "request",
            "environment": None,
            "tags": {},
            "started_at": "2026-01-01T00:00:00.000000Z",
            "duration_ms": 1250.0,
            "status": "ok",
            "error": None,
            "result": {"text": "done"},
            "metadata": {"a": 1, "language": "en"},
            "llm_calls": 0,
            "errors": 0,
            "input_tokens": None,
            "output_tokens": None,
            "cost_usd": None,
            "unpriced_calls": 0,
            "spans": [
                {
                    "id": "0000000000000001",
                    "trace_id": "00000000000000000000000000000001",
                    "parent_id": None,
                    "kind": "tool",
                    "name": "lookup",
                    "started_at": "2026-01-01T00:00:01.000000Z",
                    "duration_ms": 250.0,
                    "status": "ok",
                    "error": None,
                    "metadata": {"b": 2},
                    "input": {"order": 7},
                    "output": ["found"],
                }
            ],
            "annotations": [],
        }
    ]


def test_call_is_recorded_whole(captured: Captured, clock: FakeClock) -> None:
    """A call to a model reads back with the details that its integration gave."""
    with baserun.with_session("u"), baserun.start_trace("answer"):
        span = start_call("chat model-1", kind="llm")
        assert span is not None
        clock.advance(2)
        details = {
            "provider": "somebody",
            "operation": "chat",
            "request_model": "model-1",
            "response_model": "model-1-small",
            "response_id": "answer-7",
            "request_id": "request-7",
            "stream": False,
            "retries": 1,
            "parameters": {"temperature": 0},
            "input": [{"role": "user", "content": "hello"}],
            "output": [{"role": "assistant", "content": "hi"}],
            "finish_reasons": ["stop"],
            "usage": Usage(input_tokens=3, output_tokens=1),
            "input_preview": "hello",
            "output_preview": "hi",
        }
        finish_call(span, Described(**details), 100)

    (trace,) = captured.traces
    assert [stored.to_dict() for stored in captured.calls] == [
        {
            "id": "0000000000000001",
            "trace_id": trace.id,
            "parent_id": None,
            "kind": "llm",
            "name": "chat model-1",
            "started_at": "2026-01-01T00:00:00.000000Z",
            "duration_ms": 2000.0,
            "status": "ok",
            "error": None,
            "metadata": None,
            "input": [{"role": "user", "content": "hello"}],
            "output": [{"role": "assistant", "content": "hi"}],
            "provider": "somebody",
            "operation": "chat",
            "request_model": "model-1",
            "response_model": "model-1-small",
            "response_id": "answer-7",
            "request_id": "request-7",
            "stream": False,
            "stream_end": None,
            "retries": 1,
            "parameters": {"temperature": 0},
            "tool_calls": None,
            "finish_reasons": ["stop"],
            "usage": {
                "input_tokens": 3,
                "output_tokens": 1,
                "cached_input_tokens": None,
                "cache_write_tokens": None,
                "reasoning_tokens": None,
            },
            "cost_usd": None,
            "time_to_first_token_ms": None,
            "end_user": None,
        }
    ]
    assert (trace.llm_calls, trace.input_tokens, trace.output_tokens) == (1, 3, 1)
    (session,) = captured.sessions
    assert (session.turns, session.llm_calls, session.first_input, session.last_output) == (1, 1, "hello", "hi")


def test_trace_inside_a_trace_is_a_span(captured: Captured) -> None:
    """`start_trace` inside a trace opens a span of kind ``function``."""
    with baserun.start_trace("outer"), baserun.start_trace("inner", kind="request") as inner:
        pass

    assert isinstance(inner, baserun.Span)
    assert tree(captured) == [("outer", "function", [("inner", "function", None)])]


def test_new_trace_inside_a_trace(captured: Captured) -> None:
    """`start_trace(new=True)` inside a trace opens another trace of the session; the outer one is current after it."""
    with baserun.with_session() as session, baserun.start_trace("outer") as outer:
        with baserun.start_trace("inner", new=True) as inner:
            inside = baserun.current_trace(), baserun.current_span()
        after = baserun.current_trace()

    assert isinstance(inner, baserun.Trace)
    assert (inside, after) == ((inner, None), outer)
    assert [(trace.name, trace.session_id) for trace in captured.traces] == [
        ("outer", session.id),
        ("inner", session.id),
    ]


def test_spans_nest(captured: Captured) -> None:
    """A span inside a span has it as its parent."""
    with baserun.start_trace("trace"), baserun.span("a"):
        with baserun.span("b"), baserun.span("c"):
            pass
        with baserun.span("d"):
            pass

    assert tree(captured) == [
        (
            "trace",
            "function",
            [("a", "function", None), ("b", "function", "a"), ("c", "function", "b"), ("d", "function", "a")],
        )
    ]


def test_span_outside_of_any_trace_gets_its_own(captured: Captured) -> None:
    """A span outside any trace gets a trace with its name and kind, which ends with it."""
    with baserun.span("lookup", kind="tool"):
        pass

    assert tree(captured) == [("lookup", "tool", [("lookup", "tool", None)])]
    assert [trace.status for trace in captured.traces] == ["ok"]


def test_spans_inside_a_span_without_a_trace_are_in_its_own(captured: Captured) -> None:
    """The trace that a span outside any trace gets is current in its block."""
    with baserun.span("outer") as outer:
        inside = baserun.current_trace()
        with baserun.span("inner"):
            pass

    assert inside is outer.trace
    assert tree(captured) == [("outer", "function", [("inner", "function", "outer"), ("outer", "function", None)])]


def test_call_outside_of_any_trace_gets_its_own(captured: Captured) -> None:
    """Each call in a session but in no trace gets a trace of its own."""
    with baserun.with_session() as session:
        record_call("chat one")
        record_call("embeddings two", kind="embedding")

    assert tree(captured) == [
        ("chat one", "llm", [("chat one", "llm", None)]),
        ("embeddings two", "embedding", [("embeddings two", "embedding", None)]),
    ]
    assert {trace.session_id for trace in captured.traces} == {session.id}


def test_call_outside_of_any_session_is_recorded(captured: Captured) -> None:
    """A call outside any session is recorded without one."""
    record_call("chat model")

    assert captured.sessions == []
    assert [(trace.session_id, trace.llm_calls) for trace in captured.traces] == [(None, 1)]


def test_call_is_inside_the_current_span(captured: Captured) -> None:
    """A call is a span of the current trace, below the current span."""
    with baserun.start_trace("trace"), baserun.span("step"):
        record_call("chat model")

    assert tree(captured) == [("trace", "function", [("chat model", "llm", "step"), ("step", "function", None)])]


def test_failed_call_outside_of_any_trace(captured: Captured) -> None:
    """The error of a call outside any trace is also the error of the trace made for it."""
    record_call(status="error", raised=OSError("no answer"), error_status_code=429)

    (trace,) = captured.traces
    assert (trace.status, trace.error and trace.error.message, trace.errors) == ("error", "no answer", 1)
    (stored,) = captured.calls
    assert stored.error is not None
    assert (stored.status, stored.error.type, stored.error.message, stored.error.status_code) == (
        "error",
        "OSError",
        "no answer",
        429,
    )


def test_call_that_cannot_be_described_keeps_its_span(captured: Captured) -> None:
    """When reading a call's details fails, its span is recorded without them."""

    class Unreadable:
        def describe(self) -> CallDetails:
            raise ValueError("no idea")

    span = start_call("chat model")
    assert span is not None
    finish_call(span, Unreadable(), 0)

    assert [(stored.name, stored.status, stored.input) for stored in captured.calls] == [("chat model", "ok", None)]


def test_finishing_twice_records_once(captured: Captured) -> None:
    """Finishing a call a second time changes nothing."""
    span = start_call("chat model")
    assert span is not None
    finish_call(span, Described(), 0)
    finish_call(span, Described(), 0, status="error", error=OSError("late"))

    assert [(stored.name, stored.status) for stored in captured.calls] == [("chat model", "ok")]


def test_error_is_recorded(captured: Captured) -> None:
    """An exception is recorded with its type and message in the trace and in each span that it leaves."""
    with pytest.raises(ValueError, match="no"), baserun.start_trace("trace"), baserun.span("step"):
        raise ValueError("no")

    (trace,) = captured.traces
    assert trace.error is not None
    assert (trace.status, trace.error.type, trace.error.message) == ("error", "ValueError", "no")
    assert [(span.status, span.error and span.error.type) for span in captured.spans] == [("error", "ValueError")]


def test_error_that_is_handled_inside_leaves_the_trace_ok(captured: Captured) -> None:
    """A trace that handles the error of a span has status ``ok``."""
    with baserun.start_trace("trace"):
        try:
            with baserun.span("step"):
                raise ValueError("no")
        except ValueError:
            pass

    assert [trace.status for trace in captured.traces] == ["ok"]
    assert [span.status for span in captured.spans] == ["error"]


def test_changes_after_the_end_are_not_recorded(captured: Captured) -> None:
    """The metadata of a trace is recorded as it is at the trace's end."""
    facts: dict[str, Any] = {"list": [1]}
    with baserun.start_trace("trace") as trace:
        trace.metadata["facts"] = facts
    facts["list"].append(2)
    trace.metadata["late"] = True

    assert [stored.metadata for stored in captured.traces] == [{"facts": {"list": [1]}}]


def test_running_trace_appears_with_its_first_span() -> None:
    """A running trace is stored with its first finished span, and completed at its end."""
    with baserun.testing.capture() as captured, baserun.start_trace("trace"):
        with baserun.span("step"):
            pass
        running = [(trace.name, trace.status, trace.duration_ms) for trace in captured.traces]

    assert running == [("trace", "running", None)]
    assert [(trace.name, trace.status) for trace in captured.traces] == [("trace", "ok")]


def test_environment_of_the_process() -> None:
    """A trace has the environment given to `init`."""
    with baserun.testing.capture(environment="staging") as captured, baserun.start_trace("trace"):
        pass

    assert [trace.environment for trace in captured.traces] == ["staging"]


def test_clock_that_is_set_back_changes_no_duration(captured: Captured, clock: FakeClock) -> None:
    """Setting the clock back does not change the duration of a trace."""
    with baserun.start_trace("trace"):
        clock.advance(3)
        clock.set_back(3600)

    assert [trace.duration_ms for trace in captured.traces] == [3000.0]


def test_current_is_none_outside(captured: Captured) -> None:
    """Outside of any block nothing is current."""
    assert (baserun.current_session(), baserun.current_trace(), baserun.current_span()) == (None, None, None)


def test_trace_that_outlives_its_session_block(captured: Captured) -> None:
    """A trace that ends after its session's block stays in that session."""
    trace = baserun.start_trace("long")
    with baserun.with_session(session_identifier="chat"):
        trace.__enter__()
    trace.__exit__(None, None, None)

    assert [(stored.name, stored.session_id) for stored in captured.traces] == [("long", "chat")]
