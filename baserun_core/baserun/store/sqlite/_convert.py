"""From what columns hold to what results hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NANO = Decimal(1_000_000_000)
ABANDONED_AFTER_US = 3_600_000_000
"""A trace that is running and of which nothing was heard for an hour reads ``abandoned``."""

_decode = msgspec.json.decode


def time(us: int) -> datetime:
    """A stored time."""
    return EPOCH + timedelta(microseconds=us)


def time_or_none(us: int | None) -> datetime | None:
    """A stored time that may be unknown."""
    return None if us is None else time(us)


def microseconds(when: datetime) -> int:
    """A time as it is stored; one without a zone is meant as UTC."""
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def now_us() -> int:
    """The present, as it is stored."""
    return microseconds(datetime.now(UTC))


def milliseconds(us: int | None) -> float | None:
    """A stored duration."""
    return None if us is None else us / 1000


def dollars(nano: int | None) -> Decimal | None:
    """Stored money."""
    return None if nano is None else Decimal(nano) / NANO


def content(text: str | None) -> Any:
    """Stored JSON as values; text that is no JSON stays text."""
    if text is None:
        return None
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text


def json_dict(text: str | None) -> dict[str, Any] | None:
    """Stored JSON that is an object; None where there is none."""
    value = content(text)
    return value if isinstance(value, dict) else None


def json_list(text: str | None) -> list[Any] | None:
    """Stored JSON that is a list; None where there is none."""
    value = content(text)
    return value if isinstance(value, list) else None


def status(stored: str, last_us: int, now: int) -> str:
    """A trace's status as it is read."""
    return "abandoned" if stored == "running" and now - last_us > ABANDONED_AFTER_US else stored
