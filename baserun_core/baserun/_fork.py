"""The lock around work that a fork must not interrupt, because the child would keep it unfinished for ever.

An import that another thread has begun is never finished in the child. Nor is a transaction: the child's copy of SQLite
waits for its end.

Connections to a store are closed before a fork. The child's copy of SQLite would believe that it holds their locks,
which a child does not inherit, and would take none of its own. The last other process to close the store would then
remove the log that the child writes to.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from typing import Protocol


class Connection(Protocol):
    """A connection to a store that the process has open."""

    def close_before_fork(self, deadline: float) -> None:
        """Close it, unless it is in use beyond `deadline`; the next use opens it again. Never raises."""


_QUERY_PATIENCE = 0.5
"""Seconds that a fork waits for running queries."""

_lock = threading.RLock()
_holders: set[int] = set()
"""Threads that hold the lock in order to fork."""
_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


def in_one_piece() -> threading.RLock:
    """Return the lock to hold, for a short time, while the process must not fork."""
    return _lock


def close_before(connection: Connection) -> None:
    """Close `connection` before each fork; the caller holds the lock."""
    _connections.add(connection)


def before(patience: float) -> None:
    """Wait for the lock before a fork, and close what is open; after `patience` seconds fork without that."""
    if _lock.acquire(timeout=patience):
        _holders.add(threading.get_ident())
        deadline = time.monotonic() + _QUERY_PATIENCE
        for connection in list(_connections):
            connection.close_before_fork(deadline)


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
