"""The result of one check."""

from __future__ import annotations

from dataclasses import asdict, dataclass

OK, NOTE, WARNING, PROBLEM = "ok", "note", "warning", "problem"
"""A problem needs action; a warning is about something that cannot be undone, or passes by itself."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check found, and what to do about it."""

    area: str
    name: str
    status: str
    message: str

    def to_dict(self) -> dict[str, str]:
        """Return the result as JSON-ready builtins."""
        return asdict(self)
