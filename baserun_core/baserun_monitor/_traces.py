"""The list of traces, and one trace as a waterfall."""

from __future__ import annotations

from typing import Any

from baserun.store import Page, Store, StoredCall, StoredSpan, StoredTrace
from baserun.store.filters import TRACE_SORTS
from baserun.wording.calls import LLM
from baserun.wording.messages import ASSISTANT, USER, Message, said
from baserun_monitor import _filters
from baserun_monitor._conversation import notes_of
from baserun_monitor._exchange import Response, as_json
from baserun_monitor._lists import Listing
from baserun_monitor._site import Visit
from baserun_monitor._waterfall import waterfall, whole

MOST_SPANS = 300
"""Rows of a waterfall at most."""
MOST_MESSAGES = 60
"""Messages of an input or output at most: the last."""


def _read(store: Store, **filters: Any) -> Page[StoredTrace]:
    return store.traces(**filters)


TRACES = Listing(
    "traces", "traces.html", _filters.OF_TRACES, TRACE_SORTS, _read,
    ("id", "session_id", "user_identifier", "name", "kind", "environment", "tags", "started_at", "duration_ms",
     "status", "error", "llm_calls", "errors", "input_tokens", "output_tokens", "cost_usd", "unpriced_calls"),
)  # fmt: skip
index, narrow = TRACES.index, TRACES.narrow


def show(visit: Visit, identifier: str) -> Response:
    """Show a trace; ``?span=`` opens a span."""
    trace = visit.store.trace(identifier)
    if trace is None:
        return visit.problem(
            404, "No such trace", f"There is no trace {identifier[:200]}.", "It may have been erased or pruned."
        )
    if visit.wants_json:
        return as_json(trace.to_dict())
    bars = waterfall(trace)
    opened = _opened(trace, visit.params.get("span"))
    notes = trace.annotations or ()
    return visit.page(
        "trace.html",
        "Trace",
        nav="traces",
        trace=trace,
        bars=bars[:MOST_SPANS],
        whole=None if len(bars) == 1 and bars[0].span.name == trace.name else whole(trace),
        left_out=max(0, len(bars) - MOST_SPANS),
        opened=opened,
        is_call=isinstance(opened, StoredCall),
        dialogue=_dialogue(opened),
        most_messages=MOST_MESSAGES,
        notes=notes_of(note for note in notes if note.span_id is None),
        notes_of_span=notes_of(note for note in notes if opened is not None and note.span_id == opened.id),
    )


def _dialogue(span: StoredSpan | None) -> dict[str, list[Message]]:
    """Return the input and output of an LLM call as messages."""
    if not isinstance(span, StoredCall) or span.kind != LLM:
        return {"input": [], "output": []}
    return {"input": said(span.input, USER), "output": said(span.output, ASSISTANT)}


def _opened(trace: StoredTrace, wanted: str | None) -> StoredSpan | None:
    """Return the wanted span; else the first that failed, the first call, or the first of all."""
    spans = trace.spans or []
    named = next((span for span in spans if span.id == wanted), None)
    failed = next((span for span in spans if span.status == "error"), None)
    call = next((span for span in spans if isinstance(span, StoredCall)), None)
    return named or failed or call or next(iter(spans), None)
