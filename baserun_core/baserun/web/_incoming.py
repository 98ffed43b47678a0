"""A request as it comes in: what a framework says of it, and what it brings for the session."""

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
    """What an integration says of a request. None of it may raise for anything that a client can send."""

    __slots__ = ("_looking_thread", "policy")

    policy: SessionPolicy
    _looking_thread: int | None
    """The thread that is asking who it is."""

    @abstractmethod
    def method(self) -> str:
        """The method in capitals, or ``WEBSOCKET``."""

    @abstractmethod
    def path(self) -> str:
        """The path, for where there is no route."""

    def route(self) -> str | None:
        """The pattern of the route that was matched, such as ``/chat/{id}``, once it is known."""
        return None

    @abstractmethod
    def is_secure(self) -> bool:
        """Whether it came over https."""

    @abstractmethod
    def header(self, name: str) -> str | None:
        """A header of the request, by its lower-case name; several of one name are joined (cookies by ``; ``)."""

    @abstractmethod
    def original(self) -> Any:
        """The framework's own request, for `get_user`."""

    def peek_user(self) -> Visitor:
        """Who sent it, as far as somebody has found out already: without a query, and without touching anything."""
        return UNKNOWN

    def find_user(self) -> Visitor:
        """Who sent it, found out if need be; called once, at the first touch."""
        return self.peek_user()

    @abstractmethod
    def publish(self, session: Session) -> None:
        """The session of the request is another one from now on; put it where the application looks for it."""

    # What comes of it.

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
        """Whether the visitor's browser speaks https, as the server or the application says."""
        secure = self.policy.options.cookie_secure
        return self.is_secure() if secure is None else secure

    def _find(self) -> Visitor:
        """Ask who it is, once; whoever is asked may himself touch the session, and is then told that nobody knows."""
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
            return ANONYMOUS if visitor.is_unknown else visitor  # it has had the whole request to find somebody
        return UNKNOWN
