"""The order in which traces, and what happened in them, are told."""

from __future__ import annotations

from datetime import timedelta

from baserun.store import StoredError
from baserun.wording.order import in_order, told_at, with_pauses
from stored_records import a_span, a_trace, an_annotation, at

BOOM = StoredError(type="Boom", message="no")


def test_pauses_begin_at_the_end_of_everything_before() -> None:
    """A pause of a minute or more is told; a short one is not, nor one during which an earlier trace still ran."""
    long, within = a_trace(duration_ms=600_000.0), a_trace(seconds=300)
    soon, later = a_trace(seconds=630), a_trace(seconds=691)

    assert list(with_pauses([later, soon, within, long])) == [
        (long, None),
        (within, None),
        (soon, None),
        (later, timedelta(minutes=1)),
    ]


def test_a_trace_with_nothing_but_an_error_is_told_at_its_end() -> None:
    """A trace is placed by its start, and one that has only an error by its end."""
    assert told_at(a_trace(seconds=10)) == at(10)
    assert told_at(a_trace(seconds=10, error=BOOM)) == at(11)
    assert told_at(a_trace(a_span(1), seconds=10, error=BOOM)) == at(10)


def test_feedback_is_told_last_and_a_function_at_its_end() -> None:
    """A tool is placed by its start, a function by its end, a log by its time, and feedback after everything."""
    function = a_span(1, kind="function", name="function", duration_ms=10_000.0)
    tool = a_span(2, kind="tool", name="tool", seconds=2, duration_ms=20_000.0)
    notes = [an_annotation("feedback", seconds=1), an_annotation("log", seconds=5)]
    happened = a_trace(function, tool, annotations=notes)

    assert [one.name for one in in_order(happened)] == ["tool", "log", "function", "feedback"]
