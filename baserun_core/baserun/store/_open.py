"""Opening a store by its URL. The engine is imported here, when it is used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from baserun.store._location import StoreLocation, resolve

if TYPE_CHECKING:
    from baserun.store._contract import Sink, Store

DEFAULT_BUDGET = 0.3  # seconds


def open_store(
    url: str | os.PathLike[str] | StoreLocation | None = None,
    *,
    budget: float | None = DEFAULT_BUDGET,
    user_key: str | None = None,
) -> Store:
    """Open a store for reading; a file is opened with the first question.

    Args:
        url: ``sqlite`` (``./.baserun/baserun.sqlite3``, the default), a path, ``sqlite:///relative.sqlite3``,
            ``sqlite:////absolute/path.sqlite3`` or ``memory``.
        budget: Seconds that a list may take before it raises `NarrowFilterError`; None lets it take any time.
        user_key: Users are asked for by the values that the application has, and are stored under their keyed hashes.

    Raises:
        ConfigurationError: `url` is none that this version knows.
    """
    from baserun.store.sqlite._store import SqliteStore

    return SqliteStore(resolve(url), budget=budget, user_key=user_key)


def open_sink(
    location: str | os.PathLike[str] | StoreLocation | None = None, *, retention_days: float | None = None
) -> Sink:
    """Make the sink that writes to a store; it opens the file with the first batch.

    Args:
        location: Where, as for `open_store`.
        retention_days: Remove sessions that were not active for so long; None keeps everything.
    """
    from baserun.store.sqlite._sink import SqliteSink

    return SqliteSink(resolve(location), retention_days=retention_days)
