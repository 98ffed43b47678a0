"""Opening a store for reading, by default the one that this process records into."""

from __future__ import annotations

import os

from baserun._current import configuration
from baserun.store import Store
from baserun.store import open_store as open_store_at
from baserun.store._open import DEFAULT_BUDGET


def open_store(url: str | os.PathLike[str] | None = None, *, budget: float | None = DEFAULT_BUDGET) -> Store:
    """Open a store to read, prune or erase records. The file is opened by the first query.

    Pass users by the identifier that the application uses: where a `user_key` is set, the store applies it.

    Args:
        url: A path, ``sqlite:///relative.sqlite3``, ``sqlite:////absolute/path.sqlite3``, ``memory``, or ``sqlite``
            (``./.baserun/baserun.sqlite3``). None: the store that this process records into, by `init`,
            ``BASERUN_STORE`` or the default.
        budget: Seconds that a list may take before it raises `NarrowFilterError`; None sets no limit.

    Raises:
        ConfigurationError: An argument cannot be used, or `url` is not supported by this version.
    """
    options = configuration()
    return open_store_at(options.store if url is None else url, budget=budget, user_key=options.user_key)


def user_key() -> str | None:
    """Return the key with which this process hashes users, for finding one by e-mail address."""
    return configuration().user_key
