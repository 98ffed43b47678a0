"""The list of sessions, and one session as a conversation."""

from __future__ import annotations

from typing import Any

from baserun.store import Page, Store, StoredSession, StoredTrace
from baserun.store.filters import SESSION_SORTS
from baserun_monitor import _conversation, _filters, _paging, _security, _texts
from baserun_monitor._exchange import Response, as_json, download, redirect
from baserun_monitor._export import zip_of
from baserun_monitor._lists import Listing
from baserun_monitor._site import Visit


def _read(store: Store, **filters: Any) -> Page[StoredSession]:
    return store.sessions(**filters)


SESSIONS = Listing(
    "sessions", "sessions.html", _filters.OF_SESSIONS, SESSION_SORTS, _read,
    ("id", "user_identifier", "started_at", "last_active_at", "ended_at", "previous_id", "traces", "turns", "llm_calls",
     "errors", "input_tokens", "output_tokens", "cost_usd", "unpriced_calls", "feedback_score", "first_input",
     "last_output"),
)  # fmt: skip
index, narrow = SESSIONS.index, SESSIONS.narrow


def show(visit: Visit, identifier: str) -> Response:
    """Show a session: the page ``?page=``, by default the last, or the page with the trace ``?turn=``."""
    session = visit.store.session(identifier)
    if session is None:
        return _no_session(visit, identifier)
    if visit.wants_json:
        return as_json(session.to_dict())
    assert isinstance(session.traces, list)
    pages = _paging.pages(_conversation.turns(session.traces))
    page = _page_of(visit.params.get("turn"), pages) or _page_number(visit.params.get("page"), len(pages))
    shown = pages[page - 1]
    chain = visit.store.chain(session.id)
    return visit.page(
        "session.html",
        "Session",
        nav="sessions",
        session=session,
        traces=len(session.traces),
        turns=shown,
        earlier=sum(map(len, pages[: page - 1])),
        number=page,
        pages=len(pages),
        most=_texts.share(sum(turn.texts for turn in shown)),
        chain=chain,
        place=next((at for at, each in enumerate(chain, 1) if each.id == session.id), 1),
        is_running=any(trace.status == "running" for trace in session.traces),
        notes=_conversation.notes_of(session.annotations or ()),
        tags=_tags(session.traces),
    )


def end(visit: Visit, identifier: str) -> Response:
    """End the session and show it again; the application may still continue it."""
    if not _security.may_change(visit.request):
        return visit.refused("The session was not ended")
    if not visit.store.end_session(identifier):
        return _no_session(visit, identifier)
    return redirect(visit.links.session(identifier, page=visit.params.get("page")))


def to_test(visit: Visit, identifier: str) -> Response:
    """Return the output of `baserun sessions to-test` as a ZIP archive: a test and its recording."""
    # Imported here, because it loads what tests of applications need, which other pages do not.
    from baserun.testing._replay.generate import generate
    from baserun.testing._replay.recording import RecordingError

    session = visit.store.session(identifier)
    if session is None:
        return _no_session(visit, identifier)
    try:
        generated = generate(session)
    except RecordingError as error:
        advice = "A test plays the provider's answers again, so that everything that was said must have been kept."
        return visit.problem(409, "No test can be made of this session", str(error), advice)
    return download([zip_of(generated.files)], "application/zip", f"test_{generated.name}.zip")


def _no_session(visit: Visit, identifier: str) -> Response:
    words = f"There is no session {identifier[:200]}."
    return visit.problem(404, "No such session", words, "It may have been erased or pruned.")


def _page_of(trace: str | None, pages: list[list[_conversation.Turn]]) -> int | None:
    """Return the number of the page that shows a trace; None if there is none."""
    return next((at for at, page in enumerate(pages, 1) if any(turn.trace.id == trace for turn in page)), None)


def _page_number(text: str | None, pages: int) -> int:
    try:
        return min(max(1, int(text)), pages) if text else pages
    except ValueError:
        return pages


def _tags(traces: list[StoredTrace]) -> dict[str, Any]:
    return {name: value for trace in traces for name, value in trace.tags.items()}
