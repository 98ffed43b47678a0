"""A WSGI request with what Flask knows of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import Request, g, has_request_context, request

from baserun import Session
from baserun.web import ANONYMOUS, UNKNOWN, SessionPolicy, Visitor, WSGIRequest, visitor_of
from baserun.web._wsgi import MARK


class FlaskRequest(WSGIRequest):
    """Adds the route, the user and the view's exception to a WSGI request.

    Keeps Flask's own request and `g`, since a streamed body is sent after Flask's context is gone.
    """

    __slots__ = ("_error", "_flask_request", "_g", "_is_whole", "_outer")

    def __init__(self, policy: SessionPolicy, environ: dict[str, Any], start_response: Callable[..., Any]) -> None:
        self._flask_request: Request | None = None
        self._g: Any = None
        self._outer: Session | None = None
        self._error: BaseException | None = None
        self._is_whole = False
        super().__init__(policy, environ, start_response)

    def is_current(self) -> bool:
        """Whether Flask's current context is that of this request, even if its environ was copied on the way."""
        handled = request._get_current_object() if has_request_context() else None  # type: ignore[attr-defined]
        return handled is not None and (handled is self._flask_request or handled.environ.get(MARK) is self)

    def begun(self) -> None:
        """Take Flask's request and `g`, now that Flask has begun to handle the request."""
        self._flask_request = request._get_current_object()  # type: ignore[attr-defined]  # a proxy, whatever its type says
        self._g = g._get_current_object()
        self._outer = self._g.get("baserun_session")
        self._g.baserun_session = self.session

    def answered(self, *, is_whole: bool) -> None:
        """Note that Flask has a response; `is_whole`: none of the application's code runs while it is sent."""
        self._is_whole = is_whole or self._error is not None

    def failed(self, error: BaseException) -> None:
        """Remember the exception of a view, for which Flask responds with a 500."""
        self._error = error

    def route(self) -> str | None:
        rule = None if self._flask_request is None else self._flask_request.url_rule
        return None if rule is None else str(rule.rule)

    def original(self) -> Any:
        return self._flask_request or self.environ

    def peek_user(self) -> Visitor:
        if self.is_logged_out:
            return ANONYMOUS
        # The user that Flask-Login has loaded in this request, if any; loading it here would read the host's session.
        return UNKNOWN if self._g is None else visitor_of(self._g.get("_login_user"))

    def find_user(self) -> Visitor:
        peeked = self.peek_user()
        if not peeked.is_unknown or not self._can_ask():
            return peeked
        from flask_login import current_user

        return visitor_of(current_user._get_current_object())

    def _can_ask(self) -> bool:
        if not self.is_current():
            return False  # while a stream is sent, Flask's context is gone
        from flask import current_app

        return hasattr(current_app, "login_manager")

    def publish(self, session: Session) -> None:
        super().publish(session)
        if self._g is not None:
            self._g.baserun_session = session

    def is_whole(self, body: Iterable[bytes]) -> bool:
        return self._is_whole or super().is_whole(body)

    def finish(self, error: BaseException | None = None, *, status: str | None = None) -> None:
        if self._outer is not None:  # before Flask 3.2 a request within another of the same application shares its `g`
            self._g.baserun_session = self._outer
        super().finish(error or self._error, status=status)
