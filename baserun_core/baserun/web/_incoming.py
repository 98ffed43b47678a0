"""Reading a request: what each framework supplies, and the tokens and user found in it."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any

from baserun._guard import guarded
from baserun._model import Session
from baserun.web._cookie import cookie_name, find_cookies
from baserun.web._policy import COOKIE, HEADER, Decision, SessionPolicy
from baserun.web._visitor import ANONYMOUS, UNKNOWN, Visitor, answer_of_get_user


class IncomingRequest(ABC):
    """The methods by which an integration reads a request. None may raise for anything that a client can send."""

    __slots__ = ("_looking_thread", "policy")

    policy: SessionPolicy
    _looking_thread: int | None
    """The thread that is looking up the user."""

    @abstractmethod
    def method(self) -> str:
        """Return the HTTP method in capitals, or ``WEBSOCKET``."""

    def is_websocket(self) -> bool:
        """Whether it is a connection for many messages, rather than one request."""
        return False

    @abstractmethod
    def path(self) -> str:
        """Return the path, which names the trace where there is no route."""

    def route(self) -> str | None:
        """Return the pattern of the matched route, such as ``/chat/{id}``; None before routing."""
        return None

    @abstractmethod
    def is_secure(self) -> bool:
        """Whether the request came over https."""

    @abstractmethod
    def header(self, name: str) -> str | None:
        """Return a header by its lower-case name; repeated headers are joined by ``, `` (cookies by ``; ``)."""

    @abstractmethod
    def original(self) -> Any:
        """Return the framework's own request, the argument of `get_user`."""

    def peek_user(self) -> Visitor:
        """Return who sent it, as far as is known already: without a query, and without touching anything."""
        return UNKNOWN

    def find_user(self) -> Visitor:
        """Return who sent it, looking the user up if needed; called once, at the first touch."""
        return self.peek_user()

    @abstractmethod
    def publish(self, session: Session) -> None:
        """Put the session, new or replaced, where the application looks for it."""

    # Derived from the methods above.

    def _tokens(self) -> list[tuple[str, str]]:
        options, found = self.policy.options, []
        if self.policy.header is not None:
            value = self.header(self.policy.header)
            if value:
                found.append((HEADER, value.strip()))
        if options.cookie is not None:
            cookies = self.header("cookie")
            if cookies:
                name = cookie_name(options, is_secure=self.is_https())
                found += [(COOKIE, value) for value in find_cookies(cookies, name)]
        return found

    def _trusted(self) -> Decision | None:
        policy = self.policy
        if not policy.options.trust_session_header:
            return None
        value = None if policy.header is None else self.header(policy.header)
        return policy.trusted(None if value is None else value.strip(), self.header("baggage"))

    def is_https(self) -> bool:
        """Whether the browser uses https, by `cookie_secure` or by the request."""
        secure = self.policy.options.cookie_secure
        return self.is_secure() if secure is None else secure

    def _find(self) -> Visitor:
        """Look the user up. Code that runs for it may touch the session; that nested call gets `UNKNOWN`."""
        thread = threading.get_ident()
        if self._looking_thread == thread:
            return UNKNOWN
        self._looking_thread = thread
        try:
            with guarded("finding the user of a request"):
                get_user = self.policy.options.get_user
                return self.find_user() if get_user is None else answer_of_get_user(get_user(self.original()))
            return UNKNOWN
        finally:
            self._looking_thread = None

    def _peek(self) -> Visitor:
        get_user = self.policy.options.get_user
        with guarded("looking again for the user of a request"):
            if get_user is None:
                return self.peek_user()
            visitor = answer_of_get_user(get_user(self.original()))
            return ANONYMOUS if visitor.is_unknown else visitor  # it has had the whole request to find a user
        return UNKNOWN
