"""Rendering the spans of a trace as a tree, with their durations."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len, set_cell_size

from baserun.cli._render._lines import BAD, QUIET, STATUS_STYLES, STRONG, WARN, Line, line, whose
from baserun.cli._render._view import View
from baserun.store import StoredCall, StoredSpan, StoredTrace
from baserun.wording.amounts import dollars
from baserun.wording.calls import error_in_words
from baserun.wording.statuses import status_in_words
from baserun.wording.text import ELLIPSIS, facts, one_line
from baserun.wording.times import duration
from baserun.wording.tokens import tokens_in_words
from baserun.wording.tree import as_tree
from baserun.wording.values import pairs

_BRANCH, _LAST_BRANCH, _TRUNK, _SPACE = "├─ ", "└─ ", "│  ", "   "
_DURATION = 12
_MOST_LABEL = 60
_MOST_ERROR = 100
_MOST_DEPTH = 12
"""Levels of indentation; deeper ones are not indented further."""


def tree(trace: StoredTrace, view: View, width: int) -> Iterator[Line]:
    """Yield the facts of the trace, and a line for each span under its parent."""
    yield line((f"Trace {trace.id}", STRONG))
    yield line(f"session {trace.session_id or 'none'}")
    yield line(whose(trace.user_identifier))
    yield line((facts(f"started {view.when(trace.started_at)}", trace.kind, trace.environment), QUIET))
    for name, values in (("tags", trace.tags), ("metadata", trace.metadata)):
        if values:
            yield line((f"{name} {pairs(values)}", QUIET))
    yield line("")
    rows = list(_rows(trace))
    most = min(_MOST_LABEL, width // 2) if view.is_terminal else None
    room = max((cell_len(label) for label, _ in rows), default=0)
    room = max(room, cell_len(one_line(trace.name)))
    room = room if most is None else min(room, most)
    yield _row(one_line(trace.name), trace, room)
    for label, span in rows:
        yield _row(label, span, room)


def _row(label: str, what: StoredSpan | StoredTrace, room: int) -> Line:
    took = duration(what.duration_ms) if what.duration_ms is not None else "–"  # noqa: RUF001
    return line(_fit(label, room), f"{took:>{_DURATION}}", *_marks(what), label=len(_fit(label, room)) + _DURATION + 2)


def _marks(what: StoredSpan | StoredTrace) -> Iterator[tuple[str, str]]:
    if isinstance(what, StoredCall):
        cost = None if what.cost_usd is None else dollars(what.cost_usd)
        yield f"  {facts(tokens_in_words(what.usage) or 'tokens unknown', cost)}", QUIET
    status = status_in_words(what.status)
    if what.error is not None and what.status == "error":
        yield f"  {one_line(error_in_words(what.error), _MOST_ERROR)}", BAD
    elif status is not None:
        yield f"  {status}", STATUS_STYLES[what.status]
    if isinstance(what, StoredCall) and what.stream_end not in (None, "complete", "error"):
        yield f"  stream {what.stream_end}", WARN


def _rows(trace: StoredTrace) -> Iterator[tuple[str, StoredSpan]]:
    """Yield the label of each span, with the guides that lead to it from its parents."""
    trunks: list[str] = []
    for span, depth, is_last in as_tree(trace.spans or ()):
        del trunks[depth:]
        guides = "".join(trunks[:_MOST_DEPTH])
        yield f"{guides}{_LAST_BRANCH if is_last else _BRANCH}{_name(span)}", span
        trunks.append(_SPACE if is_last else _TRUNK)


def _name(span: StoredSpan) -> str:
    name = one_line(span.name, 200)
    return name if isinstance(span, StoredCall) or span.kind == "function" else f"{one_line(span.kind, 20)} {name}"


def _fit(text: str, room: int) -> str:
    """Cut or pad `text` to exactly `room` cells of the screen."""
    if cell_len(text) <= room:
        return set_cell_size(text, room)
    return set_cell_size(text, max(0, room - 1)) + ELLIPSIS
