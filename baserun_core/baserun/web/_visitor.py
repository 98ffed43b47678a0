"""The visitor: who sent a request, as far as the application knows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from baserun._identity import hash_user, usable_user_identifier


class Visitor(msgspec.Struct, frozen=True):
    """Unknown (authentication has not run yet), anonymous (it ran and found nobody), or known."""

    identifier: str | None = None
    """The `user_identifier` of a known visitor."""
    is_anonymous: bool = False

    @property
    def is_unknown(self) -> bool:
        return self.identifier is None and not self.is_anonymous


UNKNOWN = Visitor()
ANONYMOUS = Visitor(is_anonymous=True)


def known(user_identifier: str) -> Visitor:
    """Return the visitor with this `user_identifier`."""
    return Visitor(user_identifier)


def by_email(email: object) -> Visitor:
    """Return the visitor with this e-mail address, by its hash; unknown if it is empty or no str."""
    return Visitor(hash_user(email)) if isinstance(email, str) and email else UNKNOWN


def by_key(namespace: str, key: object) -> Visitor:
    """Return the visitor with this primary key, by the hash of ``namespace:key``; the namespace keeps tables apart."""
    if key is None or isinstance(key, bool) or not str(key):
        return UNKNOWN
    return Visitor(hashlib.sha256(f"{namespace}:{key}".encode("utf-8", "surrogatepass")).hexdigest())


def visitor_of(user: Any) -> Visitor:
    """Return the visitor that a user object or a mapping of claims stands for: by e-mail address, key, or else unknown.

    May raise whatever a property of the application's class raises; call it inside `guarded`.
    """
    if user is None:
        return UNKNOWN
    if isinstance(user, Visitor):
        return user
    read: Callable[[str], Any] = user.get if isinstance(user, Mapping) else partial(_attribute, user)
    if _is_unauthenticated(read("is_authenticated")):
        return ANONYMOUS
    found = by_email(read("email"))
    return found if not found.is_unknown else _by_any_key(user, read)


def answer_of_get_user(answer: object) -> Visitor:
    """Return the visitor that `get_user` returned: a `user_identifier`, a user object, or None for nobody (yet)."""
    if isinstance(answer, str):
        identifier = usable_user_identifier(answer)
        if identifier is None:
            raise ValueError("get_user() returned a str that cannot identify a user; return baserun.hash_user(email)")
        return Visitor(identifier)
    if isinstance(answer, bytes | int | UUID) and not isinstance(answer, bool):
        raise ValueError(
            f"get_user() returned {type(answer).__name__}, which is no user; return baserun.hash_user(email) or str(pk)"
        )
    return visitor_of(answer)


def _attribute(user: Any, name: str) -> Any:
    return getattr(user, name, None)


def _is_unauthenticated(flag: Any) -> bool:
    return (flag() if callable(flag) else flag) is False


def _by_any_key(user: Any, read: Callable[[str], Any]) -> Visitor:
    namespace = "claims" if isinstance(user, Mapping) else f"{type(user).__module__}.{type(user).__qualname__}"
    for name in ("pk", "id", "sub"):
        found = by_key(namespace, read(name))
        if not found.is_unknown:
            return found
    return _by_name(user, namespace)


def _by_name(user: Any, namespace: str) -> Visitor:
    for name in ("identity", "display_name"):
        try:
            value = getattr(user, name, None)
        except NotImplementedError:  # raised by Starlette's `SimpleUser`, which has no identity
            continue
        if isinstance(value, str) and value:
            return by_email(value) if value.count("@") == 1 else by_key(namespace, value)
    return UNKNOWN
