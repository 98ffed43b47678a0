"""The session of a web request, undecided until its first touch."""

from __future__ import annotations

from typing import Protocol

from baserun._guard import guarded
from baserun._model import Session, SessionHost
from baserun.web._policy import Decision

UNDECIDED = ""
"""Given in place of the id, which is decided later."""


class Decides(SessionHost, Protocol):
    """A request, as its session sees it."""

    def decide(self, session: WebSession) -> Decision: ...

    def open(self, session: WebSession) -> None: ...


class WebSession(Session, kw_only=True):
    """A session that is decided at first touch: which one, whose, and what it follows.

    Calls, annotations, and reading `id` or `token` touch it. Reading `user_identifier` or `previous_id` decides which
    session it is, but records and sends nothing.
    """

    _host: Decides
    decision: Decision | None = None
    is_fresh: bool = False
    """It follows an ended session, so the visitor's tokens do not count."""
    owner: str = ""
    """The keyed hash of the user that its token is bound to; see `Keys.owner`."""
    was_shown: bool = False
    """A client has a token of it, bound to `owner`."""

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def id(self) -> str:  # type: ignore[override]
        decision = self.decision or self._host.decide(self)
        if not self.was_opened:
            self._host.open(self)
        return decision.session_id

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def previous_id(self) -> str | None:  # type: ignore[override]
        return (self.decision or self._host.decide(self)).previous_id

    @property
    def _is_resumed(self) -> bool:
        return (self.decision or self._host.decide(self)).is_resumed

    @property
    def user_identifier(self) -> str | None:
        if self.decision is None:
            self._host.decide(self)
        return self._user_identifier

    @property
    def user_strength(self) -> int:
        if self.decision is None:
            self._host.decide(self)
        return self._strength

    @property
    def is_touched(self) -> bool:
        """Whether something is recorded in it, or is about to be."""
        return self.was_opened or bool(self.metadata)

    def __repr__(self) -> str:
        with guarded("showing a session"):
            if self.decision is not None:
                return f"<baserun.Session {self.decision.session_id}>"
        return "<baserun.Session of a request, untouched>"
