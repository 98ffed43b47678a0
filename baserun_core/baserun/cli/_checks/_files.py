"""Checks of the store's files: their permissions, and the lock."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from baserun.cli._checks._check import NOTE, OK, PROBLEM, WARNING, Check
from baserun.exceptions import StoreLockedError, StoreUnavailableError
from baserun.store import StoreLocation

AREA = "files"
_COMPANIONS = ("", "-wal", "-shm", ".lock")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_LOCK_PATIENCE = 0.5
"""Seconds; a batch takes milliseconds."""


def examine(location: StoreLocation) -> Iterator[Check]:
    """Check permissions and lock."""
    folder = os.path.dirname(location.path)
    shared = [path for suffix in _COMPANIONS if _is_shared(path := location.path + suffix)]
    yield from (_shared(path, "600") for path in shared)
    if location.is_default and _is_shared(folder):
        yield _shared(folder, "700")
    elif not shared:
        yield Check(AREA, "permissions", OK, "only you can read them")
    if not os.access(folder, os.W_OK) or not os.access(location.path, os.R_OK | os.W_OK):
        yield Check(
            AREA, "writable", PROBLEM, f"you cannot write to {location.path}; run as its owner, or change its owner"
        )
    yield _lock(location.path)


def _is_shared(path: str) -> bool:
    if os.name != "posix":
        return False
    try:
        return bool(os.stat(path).st_mode & _OTHERS)
    except OSError:
        return False


def _shared(path: str, mode: str) -> Check:
    found = stat.S_IMODE(os.stat(path).st_mode)
    return Check(AREA, "permissions", PROBLEM, f"others can open {path} (mode {found:o}); write: chmod {mode} {path}")


def _lock(path: str) -> Check:
    from baserun.store.sqlite._lock import WriteLock

    lock = WriteLock(path)
    if not os.path.exists(lock.path):
        return Check(AREA, "lock", NOTE, "nobody has written yet")
    try:
        with lock.held(_LOCK_PATIENCE):
            return Check(AREA, "lock", OK, "free")
    except StoreLockedError:
        words = f"a writer has held it for {_LOCK_PATIENCE} s; if that stays so, look for a process that is stopped"
        return Check(AREA, "lock", WARNING, words)
    except StoreUnavailableError as error:
        return Check(AREA, "lock", PROBLEM, str(error))
    finally:
        lock.close()
