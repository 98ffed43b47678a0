"""Converting stored values to the values of results."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NANO = Decimal(1_000_000_000)
ABANDONED_AFTER_US = 3_600_000_000
"""A running trace without a record for an hour reads ``abandoned``."""

_decode = msgspec.json.decode


def time(us: int) -> datetime:
    """Convert a stored time, in microseconds since the epoch."""
    return EPOCH + timedelta(microseconds=us)


def time_or_none(us: int | None) -> datetime | None:
    """Convert a stored time that may be unknown."""
    return None if us is None else time(us)


def microseconds(when: datetime) -> int:
    """Return a time as it is stored; without a time zone it is taken as UTC."""
    aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def now_us() -> int:
    """Return the current time as it is stored."""
    return microseconds(datetime.now(UTC))


def milliseconds(us: int | None) -> float | None:
    """Convert a stored duration to milliseconds."""
    return None if us is None else us / 1000


def dollars(nano: int | None) -> Decimal | None:
    """Convert a stored amount of money, in nano-dollars, to dollars."""
    return None if nano is None else Decimal(nano) / NANO


def content(text: str | None) -> Any:
    """Decode stored JSON; text that is not JSON stays text."""
    if text is None:
        return None
    try:
        return _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text


def json_dict(text: str | None) -> dict[str, Any] | None:
    """Decode a stored JSON object; None if it is missing or not an object."""
    value = content(text)
    return value if isinstance(value, dict) else None


def json_list(text: str | None) -> list[Any] | None:
    """Decode a stored JSON list; None if it is missing or not a list."""
    value = content(text)
    return value if isinstance(value, list) else None


def status(stored: str, last_us: int, now: int) -> str:
    """Return the status of a trace: as stored, or ``abandoned``."""
    return "abandoned" if stored == "running" and now - last_us > ABANDONED_AFTER_US else stored
