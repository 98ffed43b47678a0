"""What a fork must not cut in two, since the child would be left with one half for ever.

An import that another thread has begun is never finished in the child. Nor is a transaction: SQLite, as it was copied,
waits for its end.
"""

from __future__ import annotations

import threading

_lock = threading.RLock()
_holders: set[int] = set()
"""Threads that hold it in order to fork."""


def in_one_piece() -> threading.RLock:
    """A lock to hold for a short time, in which the process does not fork."""
    return _lock


def before(patience: float) -> None:
    """Wait until nothing would be cut, and keep it so; after `patience` seconds fork all the same."""
    if _lock.acquire(timeout=patience):
        _holders.add(threading.get_ident())


def after_in_parent() -> None:
    """Go on."""
    me = threading.get_ident()
    if me in _holders:
        _holders.discard(me)
        _lock.release()


def after_in_child() -> None:
    """Whoever held the lock is not here."""
    global _lock
    _lock = threading.RLock()
    _holders.clear()
