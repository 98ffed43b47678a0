"""The session of a web request, which is nobody's and nothing until somebody touches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baserun._guard import guarded
from baserun._model import Session

if TYPE_CHECKING:
    from baserun.web._policy import Decision
    from baserun.web._request import WebRequest


class WebSession(Session):
    """A session that is decided at first touch: which one, whose, and what it follows.

    Calls, logs, annotations, and reading `id`, `token` or `previous_id` touch it. Asking who the user is decides, but
    records and sends nothing.
    """

    __slots__ = ("_request", "decision", "is_fresh", "owner", "was_shown")

    def __init__(self, request: WebRequest, *, is_fresh: bool = False) -> None:
        # Not by the base class: everything that it takes is to be decided.
        self._host = self._request = request
        self._frame = None
        self._user_identifier = None
        self._strength = 0
        self.metadata = {}
        self.contentless = False
        self.opened = False
        self.decision: Decision | None = None
        self.is_fresh = is_fresh
        """What the visitor brought does not count: it follows a session that was ended."""
        self.owner = ""
        """What its token is bound to."""
        self.was_shown = False
        """A token of it is out there, bound to `owner`."""

    @property
    def id(self) -> str:  # type: ignore[override]  # the base class has a plain attribute, for speed
        decision = self.decision or self._request.decide(self)
        if not self.opened:
            self._request.open(self)
        return decision.session_id

    @property
    def previous_id(self) -> str | None:  # type: ignore[override]
        return (self.decision or self._request.decide(self)).previous_id

    @property
    def _is_resumed(self) -> bool:
        return (self.decision or self._request.decide(self)).is_resumed

    @property
    def user_identifier(self) -> str | None:
        if self.decision is None:
            self._request.decide(self)
        return self._user_identifier

    @property
    def user_strength(self) -> int:
        if self.decision is None:
            self._request.decide(self)
        return self._strength

    @property
    def is_touched(self) -> bool:
        """Whether there is something to remember it for."""
        return self.opened or bool(self.metadata)

    def __repr__(self) -> str:
        with guarded("showing a session"):
            if self.decision is not None:
                return f"<baserun.Session {self.decision.session_id}>"
        return "<baserun.Session of a request, untouched>"
