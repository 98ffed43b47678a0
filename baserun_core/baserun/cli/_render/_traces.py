"""Rendering a trace as part of a conversation, with its calls, tools and annotations in order of time."""

from __future__ import annotations

from collections.abc import Iterator

from baserun.cli._render._annotations import tell_annotation
from baserun.cli._render._calls import failed, tell_call, tell_tool
from baserun.cli._render._lines import QUIET, STATUS_STYLES, Line, line
from baserun.cli._render._view import View
from baserun.store import StoredAnnotation, StoredCall, StoredSpan, StoredTrace
from baserun.wording.calls import error_key
from baserun.wording.history import History
from baserun.wording.order import in_order, told_at
from baserun.wording.statuses import status_in_words
from baserun.wording.text import facts, one_line
from baserun.wording.times import duration
from baserun.wording.values import pairs, value_in_words

_MOST_RESULT = 300


def tell_trace(trace: StoredTrace, history: History, view: View) -> Iterator[Line]:
    """Yield the heading of the trace, then everything in it."""
    yield heading(trace, view)
    history.next_trace()
    told: set[tuple[str, str | None]] = set()
    for happened in in_order(trace):
        if isinstance(happened, StoredAnnotation):
            note = tell_annotation(happened)
            if note is not None:
                yield note
        else:
            yield from _tell_span(happened, history, view, told)
    if trace.error is not None and error_key(trace.error) not in told:
        yield failed(trace.error, indent=2)
    if trace.result is not None:
        yield line((f"result: {value_in_words(trace.result, None if view.is_full else _MOST_RESULT)}", QUIET), indent=2)


def heading(trace: StoredTrace, view: View) -> Line:
    """Return the heading: time, name, duration, id, environment, tags and status."""
    took = duration(trace.duration_ms) if trace.duration_ms is not None else None
    words = facts(took, f"trace {view.id(trace.id)}", trace.environment, pairs(trace.tags))
    status = status_in_words(trace.status)
    mark = "" if status is None else (f" · {status}", STATUS_STYLES[trace.status])
    return line((view.clock(told_at(trace)), QUIET), f"  {one_line(trace.name, 200)}  ", (words, QUIET), mark)


def _tell_span(span: StoredSpan, history: History, view: View, told: set[tuple[str, str | None]]) -> Iterator[Line]:
    if isinstance(span, StoredCall):
        yield from tell_call(span, history, view)
    elif span.kind == "tool":
        yield from tell_tool(span, view)
    elif span.status == "error" and span.error is not None and error_key(span.error) not in told:
        yield line((f"{span.kind} {span.name}  {duration(span.duration_ms)}", QUIET), indent=2)
        yield failed(span.error, indent=4)
    if span.error is not None:
        told.add(error_key(span.error))
