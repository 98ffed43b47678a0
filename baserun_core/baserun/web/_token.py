"""The signed token by which a visitor resumes a session.

    <session id>.<started>.<owner>.<issued>.<signature>

It is signed with `itsdangerous.TimestampSigner` (HMAC-SHA256, a key derived for this purpose alone). The owner is a
truncated keyed hash of the `user_identifier`, empty without a user, so a token does not reveal its owner. A token is an
identifier and never a credential: all it grants is that telemetry is recorded in the same session.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec
from itsdangerous import BadSignature, TimestampSigner
from itsdangerous.encoding import base64_decode, bytes_to_int

from baserun._identity import check_session_identifier
from baserun.exceptions import ConfigurationError

SESSION_SALT = b"baserun.session.v1"
OWNER_SALT = b"baserun.owner.v1"
LEEWAY = 60
"""Seconds by which the clocks of two servers may differ."""
MOST_CHARACTERS = 512
"""A longer token is refused; with an id of 200 characters it has 357."""

_OWNER_BYTES = 12
_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,200}\Z")
_NUMBER = re.compile(r"[0-9]{1,12}\Z")


class TokenError(Exception):
    """The token is not valid. The message is the reason, one word: ``oversized``, ``malformed``, ``forged`` (or signed
    with a key that is no longer listed), ``future``."""


class Ticket(msgspec.Struct, frozen=True):
    """The content of a genuine token."""

    session_id: str
    started: int
    """Start of the session, in seconds since the epoch."""
    issued: int
    owner: str
    """The keyed hash of the user that it is bound to; empty without a user."""

    def is_expired(self, now: int, *, idle: float, absolute: float) -> bool:
        """Whether a new session must follow: after `idle` seconds without use, or `absolute` seconds in all."""
        return now - self.issued > idle or now - self.started > absolute


class Keys:
    """Signs and verifies with the secrets of an application.

    Args:
        secrets: The newest first. It signs, all verify; so a secret is rotated by putting a new one in front.
        now: Returns the time in seconds since the epoch.
    """

    def __init__(self, secrets: Sequence[str | bytes], now: Callable[[], int]) -> None:
        if not secrets:
            raise ConfigurationError("there is no secret to sign with; give at least one")
        self.now = now
        self._secrets = [_encoded(secret) for secret in secrets]
        self._session = self.signer(SESSION_SALT)
        # A browser sends the same token for a minute. Only genuine ones are cached, so garbage displaces nothing.
        self._verified = lru_cache(maxsize=1024)(self._verify)
        self._owner_keys = [hmac.digest(secret, OWNER_SALT, "sha256") for secret in self._secrets]

    def signer(self, salt: bytes) -> TimestampSigner:
        """Make a signer for one purpose, which `salt` names."""
        # itsdangerous takes the newest last (Flask once passed them in reverse: CVE-2025-47278).
        return _Signer(self._secrets[::-1], salt, self.now)

    def owner(self, user_identifier: str | None) -> str:
        """Return the keyed hash that binds a token to its user; empty without a user."""
        return "" if user_identifier is None else _tag(self._owner_keys[0], user_identifier)

    def is_owner(self, owner: str, user_identifier: str | None) -> bool:
        """Whether a token bound to `owner` is this user's (None: bound to no user)."""
        if user_identifier is None or not owner:
            return user_identifier is None and not owner
        given = owner.encode()
        return any(hmac.compare_digest(given, _tag(key, user_identifier).encode()) for key in self._owner_keys)

    def sign(self, session_id: str, started: int, owner: str) -> str:
        """Sign a token for a session, as of now."""
        return self._session.sign(f"{packed(session_id)}.{started}.{owner}").decode()

    def read(self, token: str) -> Ticket:
        """Verify a token and return its content, expired or not.

        Raises:
            TokenError: It is not valid.
        """
        ticket = self._verified(token)
        if ticket.issued > self.now() + LEEWAY:
            raise TokenError("future")
        return ticket

    def _verify(self, token: str) -> Ticket:
        payload, issued = unsigned(self._session, token)
        parts = payload.split(".")
        if len(parts) != 3 or not _NUMBER.match(parts[1]):
            raise TokenError("malformed")
        return Ticket(unpacked(parts[0]), int(parts[1]), issued, parts[2])


def unsigned(signer: TimestampSigner, token: str) -> tuple[str, int]:
    """Verify a token; return its payload and when it was signed, which may be in the future.

    Raises:
        TokenError: `signer` did not make it.
    """
    if len(token) > MOST_CHARACTERS:
        raise TokenError("oversized")
    if not token.isascii():
        raise TokenError("malformed")
    try:
        # Not its own `unsign`: itsdangerous has no leeway for a clock that is ahead, and expired is not invalid here.
        payload, separator, stamp = super(TimestampSigner, signer).unsign(token).decode().rpartition(".")
        issued = bytes_to_int(base64_decode(stamp))
    except BadSignature:
        raise TokenError("forged") from None
    if not separator or issued > 1 << 40:
        raise TokenError("malformed")
    return payload, issued


class _Signer(TimestampSigner):
    """Derives each key only once, and takes the time from `now`."""

    def __init__(self, secrets: list[bytes], salt: bytes, now: Callable[[], int]) -> None:
        super().__init__(secrets, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
        derive = super().derive_key
        self._derived = {secret: derive(secret) for secret in self.secret_keys}
        self._now = now

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        return self._derived[self.secret_keys[-1] if secret_key is None else secret_key]  # type: ignore[index]

    def get_timestamp(self) -> int:
        return self._now()


def _encoded(secret: str | bytes) -> bytes:
    # An environment variable may have any bytes, which Python decodes to lone surrogates.
    return secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else bytes(secret)


def _tag(key: bytes, user_identifier: str) -> str:
    digest = hmac.digest(key, user_identifier.encode("utf-8", "surrogatepass"), "sha256")
    return urlsafe_b64encode(digest[:_OWNER_BYTES]).decode()


def packed(session_id: str) -> str:
    """Encode the id in characters that a cookie can carry."""
    if _PLAIN.match(session_id):
        return session_id
    return "~" + urlsafe_b64encode(session_id.encode()).decode().rstrip("=")


def unpacked(text: str) -> str:
    """Decode the id that `packed` encoded.

    Raises:
        TokenError: It is not a valid id.
    """
    try:
        if not text.startswith("~"):
            return check_session_identifier(text)
        padded = text[1:] + "=" * (-len(text[1:]) % 4)
        return check_session_identifier(urlsafe_b64decode(padded).decode())
    except ValueError:  # of base64, of UTF-8, or our own ConfigurationError
        raise TokenError("malformed") from None
