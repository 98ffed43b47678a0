"""Formatting values for people: times, money, amounts, ids. An unknown value is shown as such, never as zero."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from baserun.store import StoredSession
from baserun.wording.amounts import count, dollars, plural, score_in_words, total
from baserun.wording.text import one_line, safe, shortened
from baserun.wording.times import ago, clock, duration, in_one_unit, iso

__all__ = [
    "ago",
    "between",
    "change",
    "clock",
    "count",
    "day_and_time",
    "dollars",
    "duration",
    "exact",
    "in_one_unit",
    "grouped",
    "is_active",
    "iso",
    "latency",
    "long_user",
    "one_line",
    "plural",
    "safe",
    "score_in_words",
    "short_user",
    "shortened",
    "total",
    "user_sign",
]

NONE = "\u2013"
ACTIVE = timedelta(minutes=5)
COLOURS = 12
SHAPES = ("square", "round", "diamond", "hollow")
_TENFOLD = 10
_HASH = re.compile(r"(?:u1_)?[0-9a-f]{64}")


def exact(moment: datetime) -> str:
    """Format a time to the second, with its zone: the tooltip of a relative time."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def between(first: datetime, last: datetime) -> str:
    """Format the time from one moment to another."""
    return duration((last - first).total_seconds() * 1000)


def is_active(session: StoredSession, now: datetime) -> bool:
    """Whether a session is still used: it has not ended, and was active within five minutes."""
    return session.ended_at is None and now - session.last_active_at < ACTIVE


def day_and_time(moment: datetime, beside: datetime) -> str:
    """Format the time of day, with the date if that is not the date of `beside`, such as the current time."""
    here, there = moment.astimezone(), beside.astimezone()
    if here.date() == there.date():
        return here.strftime("%H:%M")
    return here.strftime("%d %b %H:%M") if here.year == there.year else here.strftime("%Y-%m-%d %H:%M")


def user_sign(identifier: str) -> str:
    """Return the CSS classes of the sign, a colour and a shape, by which a user is recognised."""
    digest = sha256(identifier.encode("utf-8", "replace")).digest()
    shape, colour_number = divmod(int.from_bytes(digest[:4]) % (COLOURS * len(SHAPES)), COLOURS)
    return f"u{colour_number} {SHAPES[shape]}"


def short_user(identifier: str) -> str:
    """Shorten a user's identifier: a hash to 9 characters, a name to 20."""
    if _HASH.fullmatch(identifier):
        return shortened(identifier.removeprefix("u1_"), 9)
    return shortened(identifier, 20)


def long_user(identifier: str) -> str:
    """Shorten less where users must be told apart: many names begin and end alike, hashes differ everywhere."""
    return shortened(identifier, 25 if _HASH.fullmatch(identifier) else 40)


def latency(milliseconds: float | None) -> str:
    """Format a duration; a dash if there is none."""
    return NONE if milliseconds is None else duration(milliseconds)


def grouped(number: float) -> str:
    """Format a whole number with all its digits, such as 1,234."""
    return f"{number:,.0f}"


def change(now: float | None, before: float | None) -> str | None:
    """Format the change from `before` to `now`; None if one is unknown or `before` is zero."""
    if not before or now is None:
        return None
    if now >= before * _TENFOLD:
        return f"\u00d7 {now / before:,.0f}"
    percent = round((now - before) / before * 100)
    return "as before" if percent == 0 else f"{percent:+d} %".replace("-", "\u2212")


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)
