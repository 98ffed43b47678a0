"""The types of options' values."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType  # newer releases only made it generic

_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_RELATIVE = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)")
_LARGEST = 1_000_000_000
_LONGEST = timedelta(days=365 * 200)


class MomentType(_ParamType):
    """A time: how long ago it was, or ISO 8601, which is UTC if it has no zone."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        age = parse_age(value)
        if age is not None:
            return datetime.now(UTC) - age
        try:
            moment = datetime.fromisoformat(value)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write 30m, 24h, 7d, 2026-05-31 or 2026-05-31T14:00:00Z", param, ctx)


class AgeType(_ParamType):
    """An age for commands that delete; ``m`` is refused, because it may mean minutes or months."""

    name = "age"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        age = value if isinstance(value, timedelta) else parse_age(value)
        if age is not None and isinstance(value, str) and value.strip().lower().endswith("m"):
            self.fail(f"{value!r} may be minutes or months; write min, or a month as 30d", param, ctx)
        if age is None:
            self.fail(f"{value!r} is no age; write 12h, 30d or 26w", param, ctx)
        return age


class TagType(_ParamType):
    """``name=value``."""

    name = "name=value"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check it."""
        name, separator, _ = value.partition("=")
        if not name or not separator:
            self.fail(f"{value!r} is no tag; write its name and value, as in plan=pro", param, ctx)
        return value


class NumberType(_ParamType):
    """A number within a range.

    Args:
        example: A typical value, for messages; if it is an int, only whole numbers are accepted.
        least: The smallest number accepted.
        most: The largest number accepted; by default the largest that a store compares with.
    """

    name = "number"

    def __init__(self, example: float, least: float = 0, most: float = _LARGEST) -> None:
        self._kind = type(example)
        self._noun = "whole number" if self._kind is int else "number"
        self._example = example
        self._least = least
        self._most = most

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it."""
        number = self._read(value)
        if number is None:
            self.fail(f"{value!r} is no {self._noun}; write one {self._range(param)}", param, ctx)
        if not self._least <= number <= self._most:
            odd = "too small" if number < self._least else "too large"
            self.fail(f"{value} is {odd}; write a {self._noun} {self._range(param)}", param, ctx)
        return number

    def _read(self, value: str | float) -> float | None:
        try:
            number = self._kind(value)
        except ValueError:
            return None
        return None if isinstance(number, float) and not math.isfinite(number) else number

    def _range(self, param: click.Parameter | None) -> str:
        ends = f"from {self._least} to {self._most}"
        return ends if param is None else f"{ends}, such as {param.opts[-1]} {self._example}"


MOMENT, AGE, TAG = MomentType(), AgeType(), TagType()
PORT_NUMBER = NumberType(8080, most=65_535)


def parse_age(text: str) -> timedelta | None:
    """Return the time that a text like ``24h`` means; None if it is no such text, or longer than 200 years."""
    match = _RELATIVE.fullmatch(text.strip().lower())
    if match is None:
        return None
    try:
        age = timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        return None
    return age if age <= _LONGEST else None
