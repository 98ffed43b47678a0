"""The session policy: which session a request is in, and whose it is; the same for every framework."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from baserun._arguments import is_async, takes
from baserun._current import recorder, runtime
from baserun._guard import report
from baserun._identity import check_session_identifier
from baserun._propagation import session_of_baggage
from baserun.exceptions import ConfigurationError
from baserun.web._options import check_options
from baserun.web._secret import default_secret
from baserun.web._token import Keys, Ticket, TokenError
from baserun.web._visitor import Visitor

REFRESH = 60
"""Seconds before a token that is in use is replaced by a younger one."""

HEADER = "header"
COOKIE = "cookie"

SecretList = str | bytes | Sequence[str | bytes]
Secrets = SecretList | Callable[[], SecretList | None] | None
"""The secrets that sign tokens: one or several, the newest first; or a function that returns them, called each time so
that a test or a reload can change them. None: `init(secret=...)`, or one generated beside the local store."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Which session a request is in, and why."""

    session_id: str
    previous_id: str | None = None
    is_resumed: bool = False
    at: int
    """Time of the decision, in seconds since the epoch."""
    started: int
    """Start of the session, in seconds since the epoch."""
    issued: int = 0
    """When the token that resumed it was signed, in seconds since the epoch; 0 without a token."""
    owner: str = ""
    """The keyed hash of the user that its token is bound to; see `Keys.owner`."""
    source: str | None = None
    """Where the token came from that it resumes or follows: ``header``, ``cookie`` or None."""
    user_identifier: str | None = None
    """The user that a trusted service named."""
    is_trusted: bool = False
    """A trusted service named the session, so it fits any user."""


class SessionPolicy:
    """Decides which session a request is in, by the options and keys of one application.

    Args:
        secrets: The framework's own; see `Secrets`.
        given: The options; see `WebOptions`.

    Raises:
        ConfigurationError: An option cannot be used.
        TypeError: There is no such option.
    """

    def __init__(self, secrets: Secrets = None, **given: Any) -> None:
        self.options = check_options(given)
        self.header = None if self.options.header is None else self.options.header.lower()
        self.ignored: dict[str, int] = {}
        """How many tokens were ignored, by reason: ``oversized``, ``malformed``, ``forged``, ``future``, ``foreign``
        (another user's), ``expired``."""
        self._secrets = _checked(secrets) if callable(secrets) else _listed(secrets)
        self.lock = threading.RLock()
        """Held during a decision, which takes microseconds and does no I/O."""
        runtime()  # constructing a middleware is first use
        _remember(self)

    @property
    def keys(self) -> Keys:
        """The current keys; a function of secrets is called for them."""
        if not callable(self._secrets):
            return _keys(self._secrets or (default_secret(),))
        try:
            secrets = _usable(self._secrets())
        except Exception as error:  # no request may fail for that
            report("asking for the secrets that sign tokens", error)
            secrets = ()
        return _keys(secrets or (default_secret(),))

    def decide(self, tokens: Iterable[tuple[str, str]], visitor: Visitor, explicit: str | None) -> Decision:
        """Resume the session of a token, start one that follows it, or start a new one.

        A known visitor resumes their own session, an anonymous one a session without a user, and an unknown one resumes
        provisionally. After a genuine token that is expired, or another user's, a new session is linked to its session.

        Args:
            tokens: The visitor's tokens as (source, token), by precedence.
            visitor: The visitor by the application's authentication.
            explicit: The user set by `identify` before, if any.
        """
        keys = self.keys
        user = visitor.identifier or explicit
        is_provisional = user is None and visitor.is_unknown
        now = keys.now()
        owner = keys.owner(user)
        follows: tuple[str, Ticket] | None = None
        for source, token in tokens:
            ticket = self._read(keys, token)
            if ticket is None:
                continue
            is_own = is_provisional or ticket.owner == owner or keys.is_owner(ticket.owner, user)
            is_expired = ticket.is_expired(now, idle=self.options.idle, absolute=self.options.absolute)
            if is_own and not is_expired:
                return _resumed(ticket, source, now, ticket.owner if is_provisional else owner)
            self.ignore("expired" if is_own else "foreign")
            if follows is None and (is_own or not is_expired):
                follows = source, ticket
        if follows is None:
            return self.new(owner)
        source, ticket = follows
        return self.new(ticket.owner if is_provisional else owner, ticket.session_id, source)

    def new(self, owner: str, previous_id: str | None = None, source: str | None = None) -> Decision:
        """Decide for a new session."""
        now = self.keys.now()
        return Decision(
            session_id=recorder().ids.session(),
            previous_id=previous_id,
            at=now,
            started=now,
            owner=owner,
            source=source,
        )

    def trusted(self, header: str | None, baggage: str | None) -> Decision | None:
        """Decide by an unsigned id in the header or baggage, for applications that trust them."""
        if header and not self._is_genuine(header):
            try:
                return self._of_service(check_session_identifier(header), None)
            except ConfigurationError:
                self.ignore("malformed")
        session = None if header else session_of_baggage(baggage or "")
        return None if session is None else self._of_service(session.id, session.user_identifier)

    def _of_service(self, session_id: str, user_identifier: str | None) -> Decision:
        now = self.keys.now()
        return Decision(
            session_id=session_id,
            is_resumed=True,
            at=now,
            started=now,
            source=HEADER,
            user_identifier=user_identifier,
            is_trusted=True,
        )

    def _is_genuine(self, token: str) -> bool:
        try:
            self.keys.read(token)
        except TokenError:
            return False
        return True

    def ignore(self, reason: str) -> None:
        """Count something that a client sent and that was ignored."""
        with self.lock:
            self.ignored[reason] = self.ignored.get(reason, 0) + 1

    def _read(self, keys: Keys, token: str) -> Ticket | None:
        try:
            return keys.read(token)
        except TokenError as error:
            self.ignore(str(error))
            return None


def latest_policy() -> SessionPolicy:
    """Return the policy that was made last; without any, one with default options."""
    policy = None if _latest is None else _latest()
    return SessionPolicy() if policy is None else policy


_latest: weakref.ref[SessionPolicy] | None = None


def _remember(policy: SessionPolicy) -> None:
    global _latest
    _latest = weakref.ref(policy)


def _now() -> int:
    return recorder().clock.now_us() // 1_000_000


@lru_cache(maxsize=64)
def _keys(secrets: tuple[str | bytes, ...]) -> Keys:
    return Keys(secrets, _now)


def _checked(secrets: Callable[[], SecretList | None]) -> Callable[[], SecretList | None]:
    if is_async(secrets) or not takes(secrets, 0):
        raise ConfigurationError(f"a function of secrets is called with nothing; write def secrets(), not {secrets!r}")
    return secrets


def _listed(secrets: SecretList | None) -> tuple[str | bytes, ...]:
    if not secrets:
        return ()
    listed: object = (secrets,) if isinstance(secrets, str | bytes) else secrets
    if not isinstance(listed, Sequence) or not all(isinstance(secret, str | bytes) and secret for secret in listed):
        raise ConfigurationError("a secret must be a non-empty str or bytes, or a list of such with the newest first")
    return tuple(listed)


def _usable(secrets: SecretList | None) -> tuple[str | bytes, ...]:
    """Drop empty secrets: fallbacks may name unset variables, and no request may fail for that."""
    listed = (secrets,) if isinstance(secrets, str | bytes) else tuple(secrets or ())
    return tuple(secret if isinstance(secret, str | bytes) else str(secret) for secret in listed if secret)


def _resumed(ticket: Ticket, source: str, now: int, owner: str) -> Decision:
    return Decision(
        at=now,
        session_id=ticket.session_id,
        is_resumed=True,
        started=ticket.started,
        issued=ticket.issued,
        owner=owner,
        source=source,
    )
