"""What can be written after an option."""

from __future__ import annotations

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
_LONGEST = timedelta(days=365 * 200)


class MomentType(_ParamType):
    """A time: how long ago it was, or ISO 8601, which is local time where it names no zone."""

    name = "time"

    def convert(self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it."""
        if isinstance(value, datetime):
            return value
        age = parse_age(value)
        if age is not None:
            return datetime.now(UTC) - age
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write 30m, 24h, 7d, 2026-05-31 or 2026-05-31T14:00:00Z", param, ctx)


class AgeType(_ParamType):
    """How long ago something was."""

    name = "age"

    def convert(self, value: str | timedelta, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        age = value if isinstance(value, timedelta) else parse_age(value)
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


MOMENT, AGE, TAG = MomentType(), AgeType(), TagType()


def parse_age(text: str) -> timedelta | None:
    """The time that ``24h`` means; None when it is something else."""
    match = _RELATIVE.fullmatch(text.strip().lower())
    if match is None:
        return None
    try:
        age = timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        return None
    return age if age <= _LONGEST else None
