"""Users and sessions by their identifiers: checking them, hashing them, and pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from baserun.exceptions import ConfigurationError

STRENGTH_NONE = 0
STRENGTH_ADOPTED = 1
STRENGTH_AUTHENTICATED = 2
STRENGTH_EXPLICIT = 3
"""How firmly a user is known. A stronger user replaces a weaker one, never the reverse."""

MAX_SESSION_ID = 200
MAX_USER_IDENTIFIER = 512
PSEUDONYM_PREFIX = "u1_"
"""Prefix of identifiers that are hashed with a `user_key`; the digit is the version of the scheme."""


def hash_user(email: str) -> str:
    """Return the usual `user_identifier` of the person with this e-mail address.

    It is ``sha256(email.encode()).hexdigest()``: the address is neither stripped nor lower-cased. Whoever has a list of
    addresses can hash them too and compare; set a `user_key` to prevent that for stored users.

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
    """Return the form of `user_identifier` that may leave the process: a keyed hash if there is a `user_key`."""
    if user_key is None or user_identifier.startswith(PSEUDONYM_PREFIX):
        return user_identifier
    key, name = (text.encode("utf-8", "surrogatepass") for text in (user_key, user_identifier))
    digest = hmac.new(key, name, hashlib.sha256)
    return PSEUDONYM_PREFIX + digest.hexdigest()


def possible_identifiers(typed: str, user_key: str | None) -> list[str]:
    """Return the forms in which a user typed by a person may be stored, the likeliest first."""
    plain = [hash_user(typed), typed] if "@" in typed else [typed]
    return list(dict.fromkeys([*(pseudonym(name, user_key) for name in plain), *plain]))


def check_session_identifier(
    value: object,
    what: str = "session_identifier",
    if_empty: str = "leave it out (or None) to start a new session",
) -> str:
    """Return `value` if it is a valid session id; raise `ConfigurationError` otherwise."""
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{what} must be str, not {type(value).__name__}; for an integer or UUID write str(value)"
        )
    if type(value) is not str:  # an enum member or template markup, whose methods show another text
        value = str.__str__(value)
    if not value:
        raise ConfigurationError(f"{what} is empty; {if_empty}")
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
    """Return `value` if it is a valid user identifier; raise `ConfigurationError` otherwise."""
    if not isinstance(value, str):
        remedy = "write baserun.hash_user(email) or str(pk)"
        if callable(value):
            remedy = "call it; as a decorator, with_session is written with brackets, @baserun.with_session()"
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
    """Return `value` if it is a valid user identifier, else None; for values from outside, which must not raise."""
    try:
        return check_user_identifier(value)
    except ConfigurationError:
        return None
