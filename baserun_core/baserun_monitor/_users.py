"""The list of users, and one user: figures, sessions, export, erasure."""

from __future__ import annotations

from typing import Any

from baserun.store import Page, Store, StoredUser
from baserun.store.filters import USER_SORTS
from baserun_monitor import _filters, _periods, _security
from baserun_monitor._charts import user_charts
from baserun_monitor._exchange import Response, as_json, download, redirect
from baserun_monitor._export import json_lines
from baserun_monitor._lists import Listing
from baserun_monitor._site import Visit, in_time

PERIOD = "30d"
SESSIONS_SHOWN = 50


def _read(store: Store, **filters: Any) -> Page[StoredUser]:
    return store.users(**filters)


USERS = Listing(
    "users", "users.html", _filters.OF_USERS, USER_SORTS, _read,
    ("user_identifier", "first_seen_at", "last_seen_at", "sessions", "traces", "llm_calls", "errors", "input_tokens",
     "output_tokens", "cost_usd", "unpriced_calls", "feedback_score"),
)  # fmt: skip
index = USERS.index


def narrow(visit: Visit) -> Response:
    """Redirect to the page of the typed user if there is one, else to the list with the filters of the form."""
    typed = visit.request.form.get("user", "").strip()
    if typed:
        identifier = _filters.stored_user(visit.store, typed, visit.site.user_key)
        if visit.store.user(identifier) is not None:
            return redirect(visit.links.user(identifier))
    return USERS.narrow(visit)


def show(visit: Visit, identifier: str) -> Response:
    """Show a user."""
    user = visit.store.user(identifier)
    if user is None:
        return _nobody(visit, identifier)
    if visit.wants_json:
        return as_json(user.to_dict())
    after = visit.params.get("after") or None
    days = _periods.divided(PERIOD, visit.now)
    activity = in_time(
        lambda: visit.store.activity(since=days.since, until=days.until, buckets=days.number, user=user.user_identifier)
    )
    return visit.page(
        "user.html",
        "User",
        nav="users",
        user=user,
        page=visit.store.sessions(user=user.user_identifier, limit=SESSIONS_SHOWN, after=after),
        charts=user_charts(activity) if activity else [],
        activity=activity,
        days=days.number,
    )


def export(visit: Visit, identifier: str) -> Response:
    """Return everything stored of a user as JSON lines."""
    if visit.store.user(identifier) is None:
        return _nobody(visit, identifier)
    return download(json_lines(visit.store.export_user(identifier)), "application/x-ndjson", "baserun-user.jsonl")


def ask_to_erase(visit: Visit, identifier: str) -> Response:
    """Show what would be removed, and ask for confirmation."""
    user = visit.store.user(identifier)
    if user is None:
        return _nobody(visit, identifier)
    return visit.page("erase.html", "Erase", nav="users", user=user, refused=None)


def erase(visit: Visit, identifier: str) -> Response:
    """Remove everything of the user, and show a receipt."""
    user = visit.store.user(identifier)
    if not _security.may_change(visit.request):
        return visit.refused("Nothing was erased")
    if user is None:
        return _nobody(visit, identifier)
    if visit.request.form.get("confirm", "").strip().lower() != "erase":
        words = "Nothing was erased: write the word erase into the field first."
        return visit.page("erase.html", "Erase", status=400, nav="users", user=user, refused=words)
    receipt = visit.store.erase_user(identifier)
    if visit.wants_json:
        return as_json(receipt.to_dict())
    return visit.page("erased.html", "Erased", nav="users", receipt=receipt)


def _nobody(visit: Visit, identifier: str) -> Response:
    words = f"There is no user {identifier[:200]}."
    return visit.problem(404, "No such user", words, "They may have been erased, or written differently.")
