"""Who a user is to us: an opaque identifier, and what of it may leave the process."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from baserun.exceptions import ConfigurationError

STRENGTH_NONE = 0
STRENGTH_ADOPTED = 1
STRENGTH_AUTHENTICATED = 2
STRENGTH_EXPLICIT = 3
"""How firmly a user is known (DESIGN section 4): a stronger one replaces a weaker one, never the reverse."""

MAX_SESSION_ID = 200
MAX_USER_IDENTIFIER = 512
PSEUDONYM_PREFIX = "u1_"
"""Marks an identifier that already went through `user_key`; the digit names the scheme."""


def hash_user(email: str) -> str:
    """Return the usual `user_identifier` of the person with this e-mail address.

    It is the SHA-256 of exactly these UTF-8 bytes in hexadecimal, as ``sha256(email.encode()).hexdigest()`` writes it:
    nothing is stripped or lower-cased. A hash of an address can be guessed from a list of addresses; set `user_key` to
    keep what is stored out of reach of such a list.

    Raises:
        ConfigurationError: `email` is not text, or empty.
    """
    if not isinstance(email, str):
        raise ConfigurationError(f"hash_user() takes the e-mail address as str, not {type(email).__name__}")
    if not email:
        raise ConfigurationError(
            "hash_user() was given an empty e-mail address; leave the user out for anonymous visitors"
        )
    return hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(maxsize=4096)
def pseudonym(user_identifier: str, user_key: str | None) -> str:
    """What leaves the process in place of `user_identifier`: itself, or a keyed hash where a `user_key` is set."""
    if user_key is None or user_identifier.startswith(PSEUDONYM_PREFIX):
        return user_identifier
    key, name = (text.encode("utf-8", "surrogatepass") for text in (user_key, user_identifier))
    digest = hmac.new(key, name, hashlib.sha256)
    return PSEUDONYM_PREFIX + digest.hexdigest()


def possible_identifiers(typed: str, user_key: str | None) -> list[str]:
    """How whom somebody typed may be stored, the likeliest first: keyed or not, an address by its hash or as it is."""
    plain = [hash_user(typed), typed] if "@" in typed else [typed]
    return list(dict.fromkeys([*(pseudonym(name, user_key) for name in plain), *plain]))


def check_session_identifier(
    value: object, what: str = "session_identifier", without: str = "to start a new session"
) -> str:
    """Return `value` if it can be a session's id, else say what can."""
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{what} must be str, not {type(value).__name__}; for an integer or UUID write str(value)"
        )
    if type(value) is not str:  # an enum's member, a template's markup: their own methods show another text
        value = str.__str__(value)
    if not value:
        raise ConfigurationError(f"{what} is empty; leave it out (or None) {without}")
    if len(value) > MAX_SESSION_ID:
        raise ConfigurationError(
            f"{what} has {len(value)} characters, the most is {MAX_SESSION_ID}; "
            "for a longer key use its hash, such as hashlib.sha256(key.encode()).hexdigest()"
        )
    if not (value.isascii() and value.isprintable()):
        raise ConfigurationError(
            f"{what} {value!r} has a character that is not printable ASCII; "
            "use an id such as a UUID, or the hash of your key"
        )
    return value


def check_user_identifier(value: object) -> str:
    """Return `value` if it can identify a user, else say what can."""
    if not isinstance(value, str):
        remedy = "write baserun.hash_user(email) or str(pk)"
        if callable(value):
            remedy = "the decorator is written with brackets, @baserun.with_session()"
        raise ConfigurationError(f"user_identifier must be str, not {type(value).__name__}; {remedy}")
    if type(value) is not str:
        value = str.__str__(value)
    if not value:
        raise ConfigurationError("user_identifier is empty; leave it out (or None) for an anonymous user")
    if len(value) > MAX_USER_IDENTIFIER:
        raise ConfigurationError(
            f"user_identifier has {len(value)} characters, the most is {MAX_USER_IDENTIFIER}; use a hash of it"
        )
    if not value.isprintable():
        raise ConfigurationError(f"user_identifier {value!r} has a control character; write baserun.hash_user(email)")
    return value


def usable_user_identifier(value: object) -> str | None:
    """`value` as it identifies a user, or None: for what came from elsewhere, whose author is not looking."""
    try:
        return check_user_identifier(value)
    except ConfigurationError:
        return None
