"""Waiting for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 120.0
"""Seconds until a test gives up; on an idle machine it takes moments."""

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], *, tell: Callable[[], str] = str) -> Found:
    """Wait until `look` returns a true value, and return it; what `tell` returns is part of the failure's message."""
    deadline, pause = time.monotonic() + PATIENCE, 0.001
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not happen {tell()}"
        time.sleep(pause)
        pause = min(2 * pause, 0.1)  # or looking would take the processor from what it waits for
    return found
