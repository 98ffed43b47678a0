"""Writing the session into the response headers, so that the visitor's next request resumes it."""

from __future__ import annotations

from baserun.web._cookie import SessionCookie, cookie_name, find_cookies, make_cookie
from baserun.web._incoming import IncomingRequest
from baserun.web._policy import HEADER, REFRESH, Decision
from baserun.web._response import GetHeader, ResponseChanges, keep_private, sets_cookie
from baserun.web._session import WebSession


def has_news(request: IncomingRequest, session: WebSession, decision: Decision) -> bool:
    """Whether the visitor needs a new token; in most requests of a session not."""
    options = request.policy.options
    return options.send_session_header or (options.cookie is not None and _is_stale(session, decision))


def carry(
    request: IncomingRequest, session: WebSession, decision: Decision, get_header: GetHeader
) -> ResponseChanges | None:
    """Return the headers and the cookie that give the visitor the token of the session, or None."""
    options, is_secure = request.policy.options, request.is_https()
    headers: list[tuple[str, str]] = []
    cookie = None
    if options.cookie is not None and decision.source != HEADER and _is_stale(session, decision):
        name = cookie_name(options, is_secure=is_secure)
        if not sets_cookie(get_header, name):
            token = signed(request, session, decision)
            cookie = make_cookie(options, token, is_secure=is_secure, max_age=int(options.absolute))
            headers = keep_private(get_header, "Cookie")
    if options.send_session_header and options.header is not None:
        headers = headers or keep_private(get_header, options.header)
        headers.append((options.header, signed(request, session, decision)))
    if not headers:
        return None
    session.was_shown = True
    return ResponseChanges(tuple(headers), cookie)


def forget(request: IncomingRequest, get_header: GetHeader) -> ResponseChanges | None:
    """Return the headers that make the visitor forget an ended session, or None."""
    options = request.policy.options
    headers: list[tuple[str, str]] = []
    cookie = _deleted_cookie(request, get_header)
    if cookie is not None:
        headers = keep_private(get_header, "Cookie")
    if options.send_session_header and options.header is not None:
        headers = headers or keep_private(get_header, options.header)
        headers.append((options.header, ""))
    return ResponseChanges(tuple(headers), cookie) if headers or cookie is not None else None


def _deleted_cookie(request: IncomingRequest, get_header: GetHeader) -> SessionCookie | None:
    options = request.policy.options
    if options.cookie is None:
        return None
    cookie = make_cookie(options, "", is_secure=request.is_https(), max_age=0)
    is_there = any(find_cookies(request.header("cookie") or "", cookie.name))
    return cookie if is_there and not sets_cookie(get_header, cookie.name) else None


def signed(request: IncomingRequest, session: WebSession, decision: Decision) -> str:
    """Sign the token of the session, as of now."""
    return request.policy.keys.sign(decision.session_id, decision.started, session.owner)


def _is_stale(session: WebSession, decision: Decision) -> bool:
    """Whether the visitor's token is missing, older than `REFRESH`, or bound to another user."""
    return session.owner != decision.owner or decision.at - decision.issued >= REFRESH
