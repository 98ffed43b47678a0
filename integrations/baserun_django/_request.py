"""A Django request for `baserun.web`."""

from __future__ import annotations

import asyncio
from typing import Any

from django.http import HttpRequest
from django.utils.functional import LazyObject, empty

from baserun import Session
from baserun.instrumentation import guarded
from baserun.web import ANONYMOUS, UNKNOWN, GetHeader, SessionPolicy, Visitor, WebRequest, by_email, by_key
from baserun.web._wsgi import header_of

ATTRIBUTE = "_baserun_request"
"""The attribute of Django's request that holds ours."""


class DjangoRequest(WebRequest):
    """Reads Django's request; nothing that costs a query is read unless a session is touched."""

    __slots__ = ("_error", "request")

    def __init__(self, policy: SessionPolicy, request: HttpRequest) -> None:
        super().__init__(policy)
        self.request = request
        self._error: BaseException | None = None
        setattr(request, ATTRIBUTE, self)
        self.publish(self.session)

    def method(self) -> str:
        return self.request.method or "GET"

    def path(self) -> str:
        return self.request.path

    def route(self) -> str | None:
        match = self.request.resolver_match
        return None if match is None or not isinstance(match.route, str) else "/" + match.route.lstrip("/^")

    def is_secure(self) -> bool:
        return self.request.is_secure()

    def header(self, name: str) -> str | None:
        return header_of(self.request.META, name)

    def original(self) -> HttpRequest:
        return self.request

    def publish(self, session: Session) -> None:
        self.request.baserun_session = session  # type: ignore[attr-defined]  # our name for it, in every framework

    def peek_user(self) -> Visitor:
        return ANONYMOUS if self.is_logged_out else visitor_of(_resolved_user(self.request))

    def find_user(self) -> Visitor:
        peeked = self.peek_user()
        if not peeked.is_unknown or not hasattr(self.request, "user") or _is_in_event_loop():
            return peeked
        return visitor_of(self.request.user)

    def find_user_after_loop(self) -> None:
        """Look up the user if the session was touched in an event loop, as by an asynchronous view under WSGI."""
        if self.session.decision is None or not self._decided_for.is_unknown or self._explicit is not None:
            return
        if self.policy.options.get_user is None:
            with guarded("finding the user of a request"):
                self.find_user()  # from now on `peek_user` returns it

    async def find_user_in_loop(self, get_header: GetHeader) -> None:
        """Look up the user, in an event loop, if the session was touched or may be while the body is sent."""
        if self._explicit is not None or self.policy.options.get_user is not None:
            return
        if self.is_untouched and not self.is_expecting(get_header):
            return
        with guarded("finding the user of a request"):
            user = _resolved_user(self.request)
            if user is None and not self.is_logged_out and hasattr(self.request, "auser"):
                user = await self.request.auser()
            if _lacks_address(user):  # loaded with `only()` or `defer()`
                await user.arefresh_from_db(fields=[user.get_email_field_name()])

    def failed(self, error: BaseException) -> None:
        """Remember the exception of a view."""
        self._error = error

    def finish(self, error: BaseException | None = None, *, status: str | None = None) -> None:
        if error is None and self.status_code is not None and self.status_code >= 500:
            error = self._error  # an exception for 404 or 403 is only Django's way to respond
        super().finish(error, status=status)


def visitor_of(user: Any) -> Visitor:
    """The visitor that a user of ``django.contrib.auth`` stands for: by e-mail address, else model and primary key."""
    if user is None:
        return UNKNOWN
    if not user.is_authenticated:
        return ANONYMOUS
    if _lacks_address(user) and _is_in_event_loop():
        return UNKNOWN
    email_field = getattr(user, "get_email_field_name", None)
    found = by_email(getattr(user, email_field(), None)) if email_field is not None else UNKNOWN
    if not found.is_unknown:
        return found
    meta = getattr(user, "_meta", None)
    return by_key(type(user).__qualname__ if meta is None else meta.label_lower, getattr(user, "pk", None))


def _lacks_address(user: Any) -> bool:
    """Whether reading the e-mail address would cost a query."""
    find_name = getattr(user, "get_email_field_name", None)
    if find_name is None:
        return False
    name = find_name()
    return name not in user.__dict__ and name in user.get_deferred_fields()


def _resolved_user(request: HttpRequest) -> Any:
    """Return the user if it is loaded already; loading it would cost a query, and mark Django's session as accessed."""
    user = request.__dict__.get("user")
    if not isinstance(user, LazyObject):
        return user
    if user._wrapped is not empty:
        return user._wrapped
    # Django's two caches: of `request.user`, and of `await request.auser()`.
    return getattr(request, "_cached_user", None) or getattr(request, "_acached_user", None)


def _is_in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
