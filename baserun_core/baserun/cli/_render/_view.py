"""Who reads: a person wants to know how long ago, a program when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from baserun.cli._render import _time
from baserun.cli._render._text import one_line, shortened


@dataclass(frozen=True, slots=True)
class View:
    """How times and ids are written."""

    now: datetime
    is_terminal: bool
    is_full: bool = False
    """Nothing is left out of long texts."""

    def when(self, moment: datetime) -> str:
        """A time: with how long ago it was, or exact for programs."""
        if not self.is_terminal:
            return _time.iso(moment)
        return f"{_time.local(moment)} ({_time.ago(moment, self.now)})"

    def clock(self, moment: datetime) -> str:
        """The time of the day; exact for programs."""
        return _time.clock(moment) if self.is_terminal else _time.iso(moment)

    def id(self, identifier: str, most: int = 9) -> str:
        """An identifier beside others; whole for programs."""
        return shortened(identifier, most) if self.is_terminal else one_line(identifier)
