"""Reading what this process records."""

from __future__ import annotations

import os

from baserun._runtime import configuration
from baserun.store import Store
from baserun.store import open_store as open_store_at
from baserun.store._open import DEFAULT_BUDGET


def open_store(url: str | os.PathLike[str] | None = None, *, budget: float | None = DEFAULT_BUDGET) -> Store:
    """Open a store for reading, and for removing from it; a file is opened with the first question.

    Users are asked for as the application knows them: where a `user_key` is set, it is applied.

    Args:
        url: A path, ``sqlite:///relative.sqlite3``, ``sqlite:////absolute/path.sqlite3``, ``memory``, or ``sqlite``
            (``./.baserun/baserun.sqlite3``). None: the store that this process records into, which is that of `init`,
            else of ``BASERUN_STORE``, else the default.
        budget: Seconds that a list may take before it raises `NarrowFilterError`; None lets it take any time.

    Raises:
        ConfigurationError: `url` is none that this version knows.
    """
    options = configuration()
    return open_store_at(options.store if url is None else url, budget=budget, user_key=options.user_key)


def user_key() -> str | None:
    """The key with which this process hashes users, to find one by their e-mail address."""
    return configuration().user_key
