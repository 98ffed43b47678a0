"""How times and ids are shown: relative and shortened for a person, exact for a program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from baserun.wording import times
from baserun.wording.text import one_line, shortened


@dataclass(frozen=True, slots=True)
class View:
    """The formatting of times and ids for one reader."""

    now: datetime
    is_terminal: bool
    is_full: bool = False
    """Long texts and histories are not cut."""

    def when(self, moment: datetime) -> str:
        """Return a time, with how long ago it was; exact for programs."""
        if not self.is_terminal:
            return times.iso(moment)
        return f"{times.local(moment)} ({times.ago(moment, self.now)})"

    def clock(self, moment: datetime) -> str:
        """Return the time of day; the exact time for programs."""
        return times.clock(moment) if self.is_terminal else times.iso(moment)

    def id(self, identifier: str) -> str:
        """Return an identifier, shortened; whole for programs."""
        return shortened(identifier) if self.is_terminal else one_line(identifier)
