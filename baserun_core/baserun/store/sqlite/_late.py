"""Late rows of an erased user: from before the erasure, but arriving after it.

Rows wait for a moment before they are written, or longer while the store is unavailable. Rows of erased sessions and
traces are known by tombstones; here are rows which reveal that other sessions and traces belonged to the user.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any

from baserun._identity import STRENGTH_ADOPTED, STRENGTH_NONE
from baserun.store.rows import IdentifyUser, MoveTrace, OpenSession, Row, SpanRow, TraceRow
from baserun.store.sqlite import _tombstones
from baserun.store.sqlite._connection import OVERWRITE_EVERYTHING, OVERWRITE_IN_PAGES
from baserun.store.sqlite._erase import erase_sessions, erase_traces
from baserun.store.sqlite._sql import select_in


def erase_late(connection: sqlite3.Connection, rows: Sequence[Row]) -> Counter[str]:
    """Erase the sessions and traces that these rows assign to a user erased since; return what was stored of them.

    The result is as if the rows had been stored before the erasure: further rows of the same sessions are late too.
    """
    removed: Counter[str] = Counter()
    if _tombstones.are_none(connection):
        return removed
    late = _Late(connection, rows)
    if late.is_anything:
        connection.execute(OVERWRITE_EVERYTHING)
        for name, at_us in late.sessions().items():
            removed += erase_sessions(connection, [name], at_us)
        for key, at_us in late.traces().items():
            removed += erase_traces(connection, [key], at_us)
        if not removed:
            connection.execute(OVERWRITE_IN_PAGES)
    return removed


class _Late:
    """The rows that name an erased user and are from before the erasure."""

    def __init__(self, connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
        self._connection = connection
        self._rows = [row for row in map(_place, rows) if getattr(row, "user_identifier", None) is not None]
        users = {row.user_identifier: _tombstones.user_hash(row.user_identifier) for row in self._rows}
        erased = _tombstones.erased_at(connection, users.values())
        self._erased = {user: erased[each] for user, each in users.items() if each in erased}
        self.is_anything = any(self._since(row) is not None for row in self._rows)
        self._owners = self._find_owners() if self.is_anything else {}

    def sessions(self) -> dict[str, int]:
        """Return the sessions of such users that have no tombstone yet, with the time of the user's erasure."""
        found = {name: at_us for name, (_, at_us) in self._owners.items() if at_us is not None}
        hashes = {name: _tombstones.session_hash(name) for name in found}
        graves = _tombstones.erased_at(self._connection, hashes.values())
        return {name: at_us for name, at_us in found.items() if graves.get(hashes[name], -1) < at_us}

    def traces(self) -> dict[bytes, int]:
        """Return the traces of such users, unless their session has a stronger owner, with the time of the erasure."""
        found: dict[bytes, int] = {}
        for row in self._rows:
            at_us = self._since(row)
            if at_us is None or not isinstance(row, TraceRow | MoveTrace):
                continue
            strength = self._owners.get(row.session_id or "", (STRENGTH_NONE, None))[0]
            if isinstance(row, MoveTrace) or _strength(row) >= strength:
                found[bytes.fromhex(row.trace_id if isinstance(row, MoveTrace) else row.id)] = at_us
        return found

    def _since(self, row: Any) -> int | None:
        """Return the time at which the user of a row was erased, if the row is older."""
        at_us = self._erased.get(row.user_identifier)
        return at_us if at_us is not None and _when(row) <= at_us else None

    def _find_owners(self) -> dict[str, tuple[int, int | None]]:
        """Return the strength of each session's owner, and the owner's erasure if these rows make the session late."""
        names = {_session_of(row) for row in self._rows} - {None}
        query = "SELECT identifier, user_strength, NULL FROM sessions WHERE identifier IN ({})"
        owners = {name: (strength, since) for name, strength, since in select_in(self._connection, query, names)}
        for row in self._rows:
            name, strength = _session_of(row), _strength(row)
            if isinstance(row, OpenSession | IdentifyUser) and strength > owners.get(name, (STRENGTH_NONE, None))[0]:
                owners[name] = (strength, self._since(row))
        return owners


def _place(row: Any) -> Any:
    return row.trace if isinstance(row, SpanRow) else row


def _session_of(row: Any) -> Any:
    return row.id if isinstance(row, OpenSession) else row.session_id


def _when(row: Any) -> int:
    at_us: int = row.started_us if isinstance(row, TraceRow) else row.at_us
    return at_us


def _strength(row: Any) -> int:
    strength: int = row.user_strength
    return max(strength, STRENGTH_ADOPTED)
