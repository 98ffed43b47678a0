"""An outage of the store: logged once when it begins and once when it ends."""

from __future__ import annotations

from collections.abc import Mapping

from baserun._config import MEBIBYTE
from baserun._guard import say
from baserun.exceptions import StoreUnavailableError

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between two attempts during an outage; the pause doubles from the first to the longest."""


class Outage:
    """The state of the current outage, if there is one."""

    def __init__(self, queue_bytes: int) -> None:
        self._queue_bytes = queue_bytes
        self._is_on = False
        self.pause = FIRST_PAUSE
        """Seconds to wait before the next attempt."""

    def begin(self, error: Exception) -> None:
        """Note that writing failed, for the first time or again."""
        if self._is_on:
            self.pause = min(2 * self.pause, LONGEST_PAUSE)
            return
        self._is_on = True
        self.pause = FIRST_PAUSE
        say(
            "error",
            "Baserun cannot write its records: %s. The application goes on; up to %.0f MiB wait in memory.",
            str(error).rstrip("."),
            self._queue_bytes / MEBIBYTE,
            error=None if isinstance(error, StoreUnavailableError) else error,
        )

    def end(self, drops: Mapping[str, int]) -> None:
        """Note that writing succeeded."""
        if not self._is_on:
            return
        self._is_on = False
        self.pause = FIRST_PAUSE
        say("warning", "Baserun writes its records again; dropped so far: %s", dict(drops) or "none")
