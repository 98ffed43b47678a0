"""The statuses of traces and spans in words."""

from __future__ import annotations

_WORDS = {
    "running": "still running",
    "error": "failed",
    "cancelled": "cancelled",
    "abandoned": "never finished",
}


def status_in_words(status: str) -> str | None:
    """Return the status of a trace or span in words; None for one that ended normally."""
    return _WORDS.get(status)
