"""The login form, which asks for the key."""

from __future__ import annotations

import re
from urllib.parse import quote

from baserun_monitor import _security
from baserun_monitor._exchange import Request, Response, redirect
from baserun_monitor._security import Door
from baserun_monitor._site import Visit

_INSIDE = re.compile(r"(?!//|.*/(?:\.|%2e){2})/[!-\[\]-~]*", re.IGNORECASE)
"""A path within these pages: not one that a browser would resolve to another host, or to above the mount point."""


def answer(visit: Visit, door: Door) -> Response | None:
    """Return the response to a login or logout, or to a visitor without a login; None for one who is logged in."""
    request = visit.request
    if request.path == "/login" and request.method == "POST":
        return _log_in(visit, door)
    if request.path == "/logout" and request.method == "POST" and _security.may_change(request):
        response = redirect(visit.links.to("/login"))
        response.cookies.append(door.no_cookie(request))
        return response
    if not door.is_open(request):
        return _closed(visit)
    return redirect(_wanted(visit)) if request.path == "/login" else None


def _log_in(visit: Visit, door: Door) -> Response:
    if not _security.is_same_site(visit.request) or not door.opens_for(visit.request.form.get("key", "")):
        return visit.page("login.html", "Log in", status=403, failed=True, nav="")
    response = redirect(_wanted(visit))
    response.cookies.append(door.cookie(visit.request))
    return response


def _closed(visit: Visit) -> Response:
    if visit.wants_json:
        return visit.problem(401, "Log in first", "These pages are opened by a key.")
    if visit.request.path != "/login":
        return redirect(visit.links.to("/login", next=_asked(visit.request)))
    return visit.page("login.html", "Log in", status=200, failed=False, nav="")


def _asked(request: Request) -> str | None:
    """Return the requested page, to redirect to after the login; None for a request that could change something."""
    if request.method != "GET" or request.path == "/":
        return None
    return quote(request.path) + (f"?{request.query}" if request.query else "")


def _wanted(visit: Visit) -> str:
    asked = visit.params.get("next", "")
    return visit.links.root + asked if _INSIDE.fullmatch(asked) else visit.links.to("/")
