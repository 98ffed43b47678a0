"""Finding a record by what a person types: its id, the beginning of it, or the shortened form in tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from baserun._identity import possible_identifiers
from baserun.cli._groups import Problem
from baserun.cli._stores import configuration
from baserun.store import Store, StoredSession, StoredTrace, StoredUser
from baserun.wording.text import ELLIPSIS, one_line

_SEARCHED = 1000
"""The number of the latest records among which a part of an id is looked up."""
_SHORTEST = 4
_SHOWN_CANDIDATES = 5

Found = TypeVar("Found")


def find_session(store: Store, typed: str) -> StoredSession:
    """Return the session with the typed id; raise `Problem` if there is none or several match."""
    return _find(typed, "session", store.session, lambda: (row.id for row in store.sessions(limit=_SEARCHED)))


def find_trace(store: Store, typed: str) -> StoredTrace:
    """Return the trace with the typed id; raise `Problem` if there is none or several match."""
    return _find(typed, "trace", store.trace, lambda: (row.id for row in store.traces(limit=_SEARCHED)))


def find_user(store: Store, typed: str) -> StoredUser:
    """Return the user with the typed identifier or e-mail address; raise `Problem` if none or several match."""
    exact = find_exact_user(store, typed)
    if exact is not None:
        return exact
    if "@" in typed:
        raise Problem(nobody(typed))
    return _find(typed, "user", store.user, lambda: (row.user_identifier for row in store.users(limit=_SEARCHED)))


def find_exact_user(store: Store, typed: str) -> StoredUser | None:
    """Return the user whose whole identifier or e-mail address was typed, or None."""
    return next((user for name in identifiers(typed) if (user := store.user(name)) is not None), None)


def user_to_filter(store: Store, typed: str | None) -> str | None:
    """Return the stored identifier to filter by; for an unknown user the likeliest one, which gives an empty list."""
    if typed is None:
        return None
    if _is_part(typed):
        return find_user(store, typed).user_identifier
    exact = find_exact_user(store, typed)
    return identifiers(typed)[0] if exact is None else exact.user_identifier


def identifiers(typed: str) -> list[str]:
    """Return the identifiers under which the user may be stored, given the `user_key` of the application."""
    if not typed:
        raise Problem("The user is empty; write an identifier or an e-mail address.")
    return possible_identifiers(typed, configuration(None)[0].user_key)


def nobody(typed: str) -> str:
    """Return the message for a user who is not in the store."""
    if "@" not in typed:
        return f"There is no user {typed}. `baserun users` lists who is there."
    return (
        f"There is no user with the e-mail address {typed}. It is looked up by its hash, {identifiers(typed)[0]}: "
        "the address must be written exactly as the application has it, capitals included."
    )


def _find(typed: str, noun: str, read: Callable[[str], Found | None], candidates: Callable[[], Iterable[str]]) -> Found:
    found = read(typed) if typed else None
    if found is not None:
        return found
    matches = [name for name in candidates() if _matches(name, typed)]
    if len(matches) == 1 and (found := read(matches[0])) is not None:
        return found
    if matches:
        shown = ", ".join(one_line(name, 80) for name in matches[:_SHOWN_CANDIDATES])
        more = ", ..." if len(matches) > _SHOWN_CANDIDATES else ""
        raise Problem(f"{typed} is the beginning of {len(matches)} {noun}s: {shown}{more}. Write more of it.")
    raise Problem(f"There is no {noun} {typed}. `baserun {noun}s` lists what is there.")


def _is_part(typed: str) -> bool:
    return ELLIPSIS in typed or "..." in typed


def _matches(identifier: str, typed: str) -> bool:
    beginning, _, end = typed.replace("...", ELLIPSIS).partition(ELLIPSIS)
    if len(beginning) + len(end) < _SHORTEST or len(beginning) + len(end) > len(identifier):
        return False
    return identifier.startswith(beginning) and identifier.endswith(end)
