"""Checking the arguments of queries: a wrong value raises `ConfigurationError`, which says what to write instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from math import inf, isfinite, nan
from typing import Any

import msgspec

from baserun.exceptions import ConfigurationError
from baserun.store.filters import DEFAULT_LIMIT, HIGHEST_LIMIT, default_sort
from baserun.store.sqlite._convert import microseconds, now_us

_LARGEST_NUMBER = 1e9
DAY_US = 86_400_000_000
EARLIEST_US, LATEST_US = microseconds(datetime.min), microseconds(datetime.max)
"""The earliest and the latest time that a datetime in UTC can hold."""


class Sort(msgspec.Struct, frozen=True):
    """The column to sort by, and the direction."""

    name: str
    is_descending: bool

    def __str__(self) -> str:
        return f"-{self.name}" if self.is_descending else self.name


def names(given: Mapping[str, Any], possible: Collection[str], what: str) -> dict[str, Any]:
    """Check the names of filters, and return those that are not None."""
    for name in given:
        if name not in possible:
            raise ConfigurationError(f"{what} cannot be narrowed by {name!r}. Possible are: {', '.join(possible)}.")
    return {name: value for name, value in given.items() if value is not None}


def sort(value: object, possible: Sequence[str]) -> Sort:
    """Parse a sort such as ``-cost``."""
    text = default_sort(possible) if value is None else value
    name = text.removeprefix("-") if isinstance(text, str) else None
    if name not in possible or not isinstance(text, str):
        raise ConfigurationError(
            f"sort={value!r} is not possible. Write one of {', '.join(possible)}, with a '-' first to begin with the"
            " highest."
        )
    return Sort(text.removeprefix("-"), text.startswith("-"))


def whole(name: str, value: object, least: int, most: int) -> int:
    """Check a whole number from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigurationError(f"{name}={value!r} is not possible. Write a whole number from {least} to {most}.")
    return value


def limit(value: object) -> int:
    """Check the number of items of a page."""
    return DEFAULT_LIMIT if value is None else whole("limit", value, 1, HIGHEST_LIMIT)


def text(name: str, value: object) -> str:
    """Check a text: not empty, and valid Unicode."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(f"{name}={value!r} is not possible. Write a text that is not empty.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name}={value!r} is not valid Unicode text.") from None
    return value


def choice(name: str, value: object, possible: Collection[str]) -> str:
    """Check that a value is one of the `possible`."""
    if not isinstance(value, str) or value not in possible:
        raise ConfigurationError(f"{name}={value!r} is not possible. Write one of {', '.join(possible)}.")
    return value


def tag(value: object) -> tuple[str, str]:
    """Parse a tag such as ``plan=pro`` into name and value."""
    name, separator, wanted = value.partition("=") if isinstance(value, str) else ("", "", "")
    if not separator or not name.strip():
        raise ConfigurationError(f'tag={value!r} is not possible. Write name=value, such as tag="plan=pro".')
    text("tag", value)
    return name, wanted


def when(name: str, value: object) -> int:
    """Check a datetime, and return it in microseconds, within `EARLIEST_US` and `LATEST_US`."""
    if not isinstance(value, datetime):
        hint = "datetime.combine(day, time.min)" if isinstance(value, date) else "datetime.now(UTC) - timedelta(days=1)"
        raise ConfigurationError(f"{name}={value!r} is not possible. Write a datetime, such as {hint}.")
    return min(max(microseconds(value), EARLIEST_US), LATEST_US)


def number(name: str, value: object, unit: int = 1) -> int:
    """Check a number that is not negative, and return it times `unit`, rounded."""
    is_number = isinstance(value, (int, float)) or hasattr(value, "as_integer_ratio")
    if isinstance(value, bool) or not is_number:
        raise ConfigurationError(f"{name}={value!r} is not possible. Write a number.")
    try:
        amount = float(value)  # type: ignore[arg-type]
    except OverflowError:
        amount = inf
    except ValueError:  # a signalling NaN of `decimal`
        amount = nan
    if not isfinite(amount) or not 0 <= amount <= _LARGEST_NUMBER:
        raise ConfigurationError(f"{name}={value!r} is not possible. Write a number from 0 to {_LARGEST_NUMBER:g}.")
    return round(amount * unit)


def identifier(value: object) -> str | None:
    """Check an id; None if it is not valid Unicode, which no stored id is."""
    if not isinstance(value, str):
        raise ConfigurationError(f"An id is a str, not {type(value).__name__} ({value!r}).")
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def trace_key(value: object) -> bytes | None:
    """Return the bytes of a trace id; None if it is not one."""
    text = identifier(value)
    try:
        return None if text is None else bytes.fromhex(text)
    except ValueError:
        return None


def cut_off(days: float | None, before: datetime | None) -> int:
    """Return the time `before`, or of `days` ago but at least `EARLIEST_US`, in microseconds."""
    if (days is None) == (before is None):
        raise ConfigurationError("Say either days=... or before=..., such as days=30.")
    if before is not None:
        return when("before", before)
    return max(now_us() - number("days", days, DAY_US), EARLIEST_US)
