"""The search page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from baserun.exceptions import ConfigurationError, NarrowFilterError
from baserun.store import Page, SearchHit
from baserun_monitor import _filters
from baserun_monitor._exchange import Response, as_json, download, redirect
from baserun_monitor._export import csv_of, json_of
from baserun_monitor._lists import AN_EXPORT_PAGE
from baserun_monitor._site import Visit

A_PAGE = 30
COLUMNS = ("started_at", "user_identifier", "session_id", "trace_id", "span_id", "snippet")


def show(visit: Visit) -> Response:
    """Show the calls whose content has all words of the search."""
    text, user = visit.params.get("text", "").strip(), visit.params.get("user") or None
    page, notice, status = Page[SearchHit](items=[]), None, 200
    if text:
        try:
            page = visit.store.search(text, user=user, limit=A_PAGE, after=visit.params.get("after") or None)
        except (ConfigurationError, NarrowFilterError) as error:
            notice, status = str(error), 503 if isinstance(error, NarrowFilterError) else 400
    if notice is not None and (visit.wants_json or visit.request.path.endswith(".csv")):
        return visit.problem(status, "That cannot be asked", notice)
    if visit.request.path.endswith(".csv"):
        return download(csv_of(COLUMNS, _following(visit, page)), "text/csv; charset=utf-8", "baserun-search.csv")
    if visit.wants_json and visit.params.get("all"):
        return download(json_of(_following(visit, page)), "application/json", "baserun-search.json")
    if visit.wants_json:
        return as_json({"items": [hit.to_dict() for hit in page.items], "next": page.next})
    words = [word.strip('"*').lower() for word in text.split() if word.strip('"*')]
    return visit.page(
        "search.html",
        "Search",
        status=status,
        nav="search",
        text=text,
        user=user,
        page=page,
        hits=_gathered(page),
        is_continued=bool(visit.params.get("after")),
        notice=notice,
        words=words,
    )


def _following(visit: Visit, page: Page[SearchHit]) -> Iterator[SearchHit]:
    """Iterate over the hits of this page and all that follow."""
    yield from page.items
    while page.next is not None:
        user = visit.params.get("user") or None
        page = visit.store.search(visit.params["text"], user=user, limit=AN_EXPORT_PAGE, after=page.next)
        yield from page.items


def _gathered(page: Page[SearchHit]) -> list[tuple[SearchHit, int]]:
    """Merge consecutive hits of one session to the earliest: each call repeats the conversation.

    With it comes the number of hits of its session on the page so far: itself, and later ones.
    """
    found: list[tuple[SearchHit, int]] = []
    times: Counter[str] = Counter()
    for hit in page.items:
        if hit.session_id is None:
            found.append((hit, 1))
            continue
        times[hit.session_id] += 1
        if found and found[-1][0].session_id == hit.session_id:
            found.pop()
        found.append((hit, times[hit.session_id]))
    return found


def narrow(visit: Visit) -> Response:
    """Redirect to the URL of the search in a form."""
    form = {name: visit.request.form.get(name, "").strip() for name in ("text", "user")}
    if form["user"]:
        form["user"] = _filters.stored_user(visit.store, form["user"], visit.site.user_key)
    return redirect(visit.links.to("/search", **form))
