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


class BaserunError(Exception):
    """Base of every error that Baserun raises on purpose."""


class ConfigurationError(BaserunError, ValueError):
    """An option, argument or environment variable cannot be used as given; the message says what to write instead."""


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
