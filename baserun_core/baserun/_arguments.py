"""Checks of arguments that several public functions share; each raises `ConfigurationError`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from baserun.exceptions import ConfigurationError


def check_text(value: object, what: str) -> str:
    """Return `value` if it is a non-empty str; raise otherwise."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{what} must be a non-empty str, not {value!r}")
    return value


def check_bool(value: object, what: str) -> bool:
    """Return `value` if it is a bool; raise otherwise."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{what} must be True or False, not {value!r}")
    return value


def check_metadata(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a copy of `metadata` as a dict; raise if it is no mapping."""
    if metadata is None:
        return None
    if type(metadata) is dict:
        return metadata.copy()
    given: Any = metadata
    cls = type(given)  # not `isinstance`, which runs the object's ``__class__``
    if issubclass(cls, dict):
        return dict(dict.items(given))  # its own methods may be overridden
    if not issubclass(cls, Mapping):
        raise ConfigurationError(f"metadata must be a dict such as {{'plan': 'pro'}}, not {cls.__name__}")
    try:
        return dict(given)
    except Exception as error:
        raise ConfigurationError(f"metadata cannot be read: its items() raises {type(error).__name__}") from error
