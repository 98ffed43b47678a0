"""Everything that Baserun raises.

BaserunError
├── ConfigurationError      an option, argument or environment variable cannot be used as given
├── MissingExtraError       a feature needs a package that is not installed
└── StoreError
    ├── StoreUnavailableError   not now: locked, full, read-only, unreadable; the writer tries again
    │   ├── StoreLockedError    another writer holds it
    │   └── StoreVersionError   written by a newer Baserun than this one
    ├── RowRejectedError        one row can never be stored
    └── NarrowFilterError       a list took longer than its time budget
"""

from __future__ import annotations

_BEGINNING, _END = 1_000, 500
"""Characters that are kept of a long message."""


class BaserunError(Exception):
    """Base of every error that Baserun raises on purpose."""


class ConfigurationError(BaserunError, ValueError):
    """An option, argument or environment variable cannot be used as given; the message says what to write instead.

    A long message is cut in its middle, where it quotes the value; its ends say what is wrong.
    """

    def __init__(self, message: str) -> None:
        is_long = len(message) > _BEGINNING + _END
        super().__init__(f"{message[:_BEGINNING]} ... {message[-_END:]}" if is_long else message)


class MissingExtraError(BaserunError, ImportError):
    """A feature was used whose packages are not installed; the message has the pip command."""


class StoreError(BaserunError):
    """A store could not do what it was asked."""


class StoreUnavailableError(StoreError):
    """The store cannot be used at the moment; nothing was written, and the same call may work later."""


class StoreLockedError(StoreUnavailableError):
    """Another writer had the store for longer than this one would wait."""


class StoreVersionError(StoreUnavailableError):
    """The store was written by a newer Baserun; this one refuses to write to it."""


class RowRejectedError(StoreError):
    """The store can never take one of these rows; the others can be written without it."""


class NarrowFilterError(StoreError):
    """A list took longer than its time budget; a narrower filter (a user, a shorter time) answers in time."""
