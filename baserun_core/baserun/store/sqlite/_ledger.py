"""The ledger: the numbers of records stored, dropped, pruned and erased, by kind or reason."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from baserun.store.sqlite._sql import write_rows

STORED, DROPPED, PRUNED, ERASED = "stored", "dropped", "pruned", "erased"
NAMES = (STORED, DROPPED, PRUNED, ERASED)

_ADD = "INSERT INTO ledger VALUES (?, ?, ?) ON CONFLICT (name, reason) DO UPDATE SET count = count + excluded.count"


def add(connection: sqlite3.Connection, name: str, counts: Mapping[str, int]) -> None:
    """Add these counts under `name`."""
    write_rows(connection, _ADD, [(name, reason, count) for reason, count in counts.items() if count])


def read(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """Return the whole ledger; each of `NAMES` is a key, with an empty dict if nothing was counted."""
    ledger: dict[str, dict[str, int]] = {name: {} for name in NAMES}
    for name, reason, count in connection.execute("SELECT name, reason, count FROM ledger ORDER BY name, reason"):
        ledger.setdefault(name, {})[reason] = count
    return ledger
