"""Opening a store by its URL. The engine is imported when it is used."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from baserun._arguments import check_positive, check_text
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
    """Open a store for reading; the file is opened by the first query.

    Args:
        url: ``sqlite`` (``./.baserun/baserun.sqlite3``, the default), a path, ``sqlite:///relative.sqlite3``,
            ``sqlite:////absolute/path.sqlite3`` or ``memory``.
        budget: Seconds that a list may take before it raises `NarrowFilterError`; None sets no limit.
        user_key: The key with which users are hashed; queries take the application's identifiers and apply it.

    Raises:
        ConfigurationError: An argument cannot be used, or `url` is not supported by this version.
    """
    from baserun.store.sqlite._store import SqliteStore

    if user_key is not None:
        check_text(user_key, "user_key")
    return SqliteStore(resolve(url), budget=budget, user_key=user_key)


def open_sink(
    location: str | os.PathLike[str] | StoreLocation | None = None, *, retention_days: float | None = None
) -> Sink:
    """Make the sink that writes to a store; it opens the file with the first batch.

    Args:
        location: As for `open_store`.
        retention_days: Remove sessions that were inactive for this many days; None keeps everything.

    Raises:
        ConfigurationError: An argument cannot be used, or `location` is not supported by this version.
    """
    from baserun.store.sqlite._sink import SqliteSink

    if retention_days is not None:
        check_positive(retention_days, "retention_days")
    return SqliteSink(resolve(location), retention_days=retention_days)
