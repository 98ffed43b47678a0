"""Checks of the configuration that an application started here gets, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from baserun._config import OPTIONS, Config, Sources
from baserun.cli._checks._check import OK, PROBLEM, WARNING, Check
from baserun.store import StoreLocation

AREA = "configuration"
_SECRETS = ("api_key", "user_key", "secret")


def settings(config: Config, sources: Sources) -> dict[str, dict[str, Any]]:
    """Return value and source of each option; of a secret only whether it is set."""
    return {name: {"value": _shown(name, getattr(config, name)), "source": sources.of[name]} for name in OPTIONS}


def examine(config: Config, sources: Sources) -> Iterator[Check]:
    """Report problems in the environment, and each value."""
    for problem in sources.problems:
        yield Check(AREA, "environment", PROBLEM, problem)
    if not config.enabled:
        yield Check(AREA, "enabled", WARNING, "recording is switched off here")
    for name, setting in settings(config, sources).items():
        yield Check(AREA, name, OK, f"{_words(setting['value'])} ({setting['source']})")


def _shown(name: str, value: Any) -> Any:
    if name in _SECRETS:
        return None if value is None else "set, not shown"
    if isinstance(value, StoreLocation):
        return value.path
    if callable(value):
        return "a function"
    return list(value) if isinstance(value, tuple) else value


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
