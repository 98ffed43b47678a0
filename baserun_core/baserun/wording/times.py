"""Formatting times and durations."""

from __future__ import annotations

from datetime import datetime

from baserun.store._json import iso_time

_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
"""In milliseconds."""
_SHORT = 0.1
_DAYS_UNTIL_DATE = 30


def ago(moment: datetime, now: datetime) -> str:
    """Return how long ago `moment` was; its date if that is 30 days or more."""
    passed = (now - moment).total_seconds() * _SECOND
    if passed < 0:
        return "just now" if passed > -_MINUTE else local(moment)
    if passed < _SECOND:
        return "just now"
    if passed >= _DAYS_UNTIL_DATE * _DAY:
        return moment.astimezone().strftime("%Y-%m-%d")
    return f"{in_one_unit(passed)} ago"


def duration(milliseconds: float | None) -> str:
    """Return ``40 µs``, ``812 ms``, ``1.2 s``, ``3 min 12 s``, ``2 h 5 min``, ``4 d 3 h``, or ``unknown`` for None."""
    if milliseconds is None:
        return "unknown"
    if 0 < milliseconds < _SHORT:
        return f"{milliseconds * 1000:.0f} µs"
    if milliseconds < 10:
        return f"{milliseconds:.1f} ms" if milliseconds else "0 ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    if milliseconds < 9_995:
        return f"{milliseconds / _SECOND:.2f} s"
    if milliseconds < 59_950:
        return f"{milliseconds / _SECOND:.1f} s"
    seconds = round(milliseconds / _SECOND)
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if hours == 0:
        return f"{minutes} min {seconds % 60} s"
    return f"{hours} h {minutes % 60} min" if days == 0 else f"{days} d {hours % 24} h"


def in_one_unit(milliseconds: float) -> str:
    """Return a long time in one unit, rounded down: ``42 min``, ``3 d``."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if milliseconds >= unit:
            return f"{int(milliseconds // unit)} {name}"
    return f"{int(milliseconds // _SECOND)} s"


def local(moment: datetime) -> str:
    """Return date and time in the local zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def clock(moment: datetime) -> str:
    """Return the time of day in the local zone."""
    return moment.astimezone().strftime("%H:%M:%S")


def iso(moment: datetime | None) -> str:
    """Return ISO 8601 in UTC with microseconds, as in JSON; empty for None."""
    return "" if moment is None else iso_time(moment)
