"""Periods up to now: their names, their lengths, and the pieces into which charts divide them. No I/O."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from baserun.exceptions import ConfigurationError

PERIODS = {"1h": ("last hour", 3600), "24h": ("last 24 h", 86_400), "7d": ("last 7 days", 604_800),
           "30d": ("last 30 days", 2_592_000), "90d": ("last 90 days", 7_776_000)}  # fmt: skip
"""The periods to choose from, with label and length in seconds."""

LONGEST = 36_525 * 86_400
"""Seconds: a century, which can be subtracted from any current time."""

_PIECES = {"1h": 30, "24h": 24, "7d": 28, "30d": 30, "90d": 45}
_OTHER_PIECES = 24
_HOUR, _DAY = 3600, 86_400
_UNITS = {"m": 60, "h": _HOUR, "d": _DAY, "w": 7 * _DAY}
_PERIOD = re.compile(r"(\d{1,5})([mhdw])")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pieces:
    """A time, divided into pieces of one length."""

    since: datetime
    until: datetime
    number: int

    @property
    def earlier(self) -> datetime:
        """The start of the time of the same length that is before this one."""
        return self.since - (self.until - self.since)


def seconds(text: str, examples: Sequence[str] = ("30m", "24h", "7d", "4w")) -> int:
    """Return the length of a period such as ``24h`` or ``90m``, in seconds; `examples` are for the error.

    Raises:
        ConfigurationError: It is not a period, or longer than `LONGEST`.
    """
    found = _PERIOD.fullmatch(text)
    length = int(found[1]) * _UNITS[found[2]] if found is not None else 0
    if not 0 < length <= LONGEST:
        raise ConfigurationError(
            f"period={text!r} is not possible. Write {', '.join(examples[:-1])} or {examples[-1]}."
        )
    return length


def divided(period: str, now: datetime) -> Pieces:
    """Divide a period into pieces, of which the last is the current hour, day or the like.

    Raises:
        ConfigurationError: It is not a period.
    """
    number = _PIECES.get(period, _OTHER_PIECES)
    width = _width(seconds(period), number)
    until = _end(now, width)
    return Pieces(until - width * number, until, number)


def reaching(moment: datetime, now: datetime) -> str | None:
    """Return the shortest of the `PERIODS` that includes a moment; None if none does."""
    passed = (now - moment).total_seconds()
    return next((name for name, (_, length) in PERIODS.items() if passed < length), None)


def _width(length: int, number: int) -> timedelta:
    """Return the length of a piece; from a period of a day on in whole hours, for which the store has roll-ups."""
    return timedelta(seconds=length / number) if length < _DAY else timedelta(hours=-(-length // number // _HOUR))


def _end(now: datetime, width: timedelta) -> datetime:
    """Return the end of the current piece, so that pieces begin at whole hours or days.

    Where midnight is not at a whole hour of UTC, as in India, the next whole hour is taken.
    """
    if width < timedelta(days=1):
        return _following(now, width.total_seconds())
    midnight = now.astimezone().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return _following(midnight - timedelta(microseconds=1), _HOUR)


def _following(moment: datetime, step: float) -> datetime:
    return moment + timedelta(seconds=step) - (moment - _EPOCH) % timedelta(seconds=step)
