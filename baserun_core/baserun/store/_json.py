"""Converting results to JSON-ready builtins, with the names of their fields."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

NOT_LOADED = ("spans", "annotations")
"""Fields that are left out if a list did not load them: null would mean unknown, but the store knows them."""


def to_builtins(value: Any) -> Any:
    """Convert structs to dicts, times to ISO 8601 UTC with microseconds ("...Z"), and dollars to numbers."""
    convert = _CONVERT.get(type(value))
    if convert is not None:
        return convert(value)
    if isinstance(value, msgspec.Struct):
        return _struct(value)
    return value


def _struct(value: msgspec.Struct) -> dict[str, Any]:
    fields = ((name, getattr(value, name)) for name in value.__struct_fields__)
    return {name: to_builtins(field) for name, field in fields if field is not None or name not in NOT_LOADED}


def iso_time(value: datetime) -> str:
    """Return ISO 8601 in UTC with microseconds."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _list(value: list[Any]) -> list[Any]:
    return [to_builtins(item) for item in value]


def _dict(value: dict[str, Any]) -> dict[str, Any]:
    return {key: to_builtins(item) for key, item in value.items()}


_CONVERT: dict[type, Callable[[Any], Any]] = {datetime: iso_time, Decimal: float, list: _list, dict: _dict}
