"""The lock around work that a fork must not interrupt, because the child would keep it unfinished for ever.

An import that another thread has begun is never finished in the child. Nor is a transaction: the child's copy of SQLite
waits for its end.
"""

from __future__ import annotations

import sys
import threading

_lock = threading.RLock()
_holders: set[int] = set()
"""Threads that hold the lock in order to fork."""


def in_one_piece() -> threading.RLock:
    """Return the lock to hold, for a short time, while the process must not fork."""
    return _lock


def before(patience: float) -> None:
    """Wait for the lock before a fork; after `patience` seconds fork without it."""
    if _lock.acquire(timeout=patience):
        _holders.add(threading.get_ident())


def after_in_parent() -> None:
    """Release the lock."""
    me = threading.get_ident()
    if me in _holders:
        _holders.discard(me)
        _lock.release()


def must_not_wait() -> bool:
    """Whether the parent must not wait in a fork hook, not even for a thread to start.

    Gevent begins to watch for the end of the child after the hooks. While a hook waits, other greenlets run; if the
    child ends then, gevent misses it, and `subprocess` waits for ever.
    """
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def after_in_child() -> None:
    """Replace the lock: the thread that held it does not exist in the child."""
    global _lock
    _lock = threading.RLock()
    _holders.clear()
