"""The form that asks for the key."""

from __future__ import annotations

from baserun_monitor import _security
from baserun_monitor._exchange import Response, redirect
from baserun_monitor._security import Door
from baserun_monitor._site import Visit


def answer(visit: Visit, door: Door) -> Response | None:
    """What somebody gets who has not logged in yet, or logs in or out; None lets the visitor pass."""
    request = visit.request
    if request.path == "/login" and request.method == "POST":
        return _log_in(visit, door)
    if request.path == "/logout" and request.method == "POST" and _security.may_change(request):
        response = redirect(visit.links.to("/login"))
        response.cookies.append(door.no_cookie(request))
        return response
    if not door.is_open(request):
        return _closed(visit)
    return redirect(visit.links.to("/")) if request.path == "/login" else None


def _log_in(visit: Visit, door: Door) -> Response:
    if not _security.is_same_site(visit.request) or not door.opens_for(visit.request.form.get("key", "")):
        return visit.page("login.html", "Log in", status=403, failed=True, nav="")
    response = redirect(visit.links.to("/"))
    response.cookies.append(door.cookie(visit.request))
    return response


def _closed(visit: Visit) -> Response:
    if visit.wants_json:
        return visit.problem(401, "Log in first", "These pages are opened by a key.")
    if visit.request.path != "/login":
        return redirect(visit.links.to("/login"))
    return visit.page("login.html", "Log in", status=200, failed=False, nav="")
