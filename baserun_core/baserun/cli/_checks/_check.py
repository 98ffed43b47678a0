"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass

OK, NOTE, WARNING, PROBLEM = "ok", "note", "warning", "problem"
"""A problem needs somebody to act; a warning tells of something that cannot be undone, or goes by itself."""


@dataclass(frozen=True, slots=True)
class Check:
    """What was found, and what to do about it."""

    area: str
    name: str
    status: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)
