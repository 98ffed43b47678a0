"""Rendering a session as a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from baserun.cli._render._annotations import tell_annotation
from baserun.cli._render._lines import BLANK, QUIET, STRONG, Line, line, whose
from baserun.cli._render._totals import totals
from baserun.cli._render._traces import tell_trace
from baserun.cli._render._view import View
from baserun.store import StoredSession, StoredTrace
from baserun.wording.amounts import plural
from baserun.wording.history import History
from baserun.wording.order import with_pauses
from baserun.wording.text import facts, one_line
from baserun.wording.times import in_one_unit
from baserun.wording.values import pairs


def conversation(session: StoredSession, visit: Sequence[StoredSession], view: View) -> Iterator[Line]:
    """Yield the heading of the session, its traces with the pauses between them, and its annotations."""
    yield from headline(session, visit, view)
    traces = session.traces if isinstance(session.traces, list) else []
    history = History()
    for trace, pause in with_pauses(traces):
        yield BLANK
        if pause is not None:
            yield line((f"⋯ {in_one_unit(pause.total_seconds() * 1000)} later", QUIET))
            yield BLANK
        yield from tell_trace(trace, history, view)
    yield from _notes(session)


def headline(session: StoredSession, visit: Sequence[StoredSession], view: View) -> Iterator[Line]:
    """Yield id, user, times, totals, metadata and links of a session."""
    yield line((f"Session {session.id}", STRONG))
    yield line(whose(session.user_identifier))
    yield line((f"started {view.when(session.started_at)} · {_end(session, view)}", QUIET))
    yield line((amounts(session), QUIET))
    if session.metadata:
        yield line((pairs(session.metadata) or "", QUIET))
    if len(visit) > 1:
        names = (f"[{view.id(one.id)}]" if one.id == session.id else view.id(one.id) for one in visit)
        yield line((f"one visit of {len(visit)} sessions: {' → '.join(names)}", QUIET))
    elif session.previous_id is not None:
        yield line((f"carries on from session {one_line(session.previous_id)}, which is not here", QUIET))


def amounts(session: StoredSession) -> str:
    """Return traces, turns and the totals of a session on one line."""
    traces = session.traces if isinstance(session.traces, int) else len(session.traces)
    return facts(plural(traces, "trace"), plural(session.turns, "turn"), totals(session))


def one_trace(trace: StoredTrace, view: View) -> Iterator[Line]:
    """Yield the content of a single trace, without its heading."""
    return (told for at, told in enumerate(tell_trace(trace, History(), view)) if at > 0)


def _end(session: StoredSession, view: View) -> str:
    if session.ended_at is not None:
        return f"ended {view.when(session.ended_at)}"
    return f"last active {view.when(session.last_active_at)}, not ended"


def _notes(session: StoredSession) -> Iterator[Line]:
    notes = [told for note in session.annotations or () if (told := tell_annotation(note, indent=0)) is not None]
    if notes:
        yield BLANK
        yield from notes
