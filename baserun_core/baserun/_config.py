"""The options, where the value of each comes from, and the checks of their values."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping
from typing import Any

import msgspec

from baserun._arguments import (
    LONGEST_WAIT,
    check_bool,
    check_names,
    check_positive,
    check_text,
    closest,
    is_async,
    takes,
)
from baserun.exceptions import ConfigurationError
from baserun.store._location import StoreLocation
from baserun.store._location import resolve as locate

PREFIX = "BASERUN_"
OF_OTHERS = frozenset({"BASERUN_UI_KEY"})
"""Variables with our prefix that are not options: `baserun ui` reads this one."""
MEBIBYTE = 1024 * 1024


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `baserun.init`, which says what each of them means, with their defaults."""

    store: StoreLocation | str = "sqlite"
    server_url: str | None = None
    api_key: str | None = None
    environment: str | None = None
    enabled: bool = True
    capture_content: bool = True
    redact: str | Callable[[str, str], str] | None = "default"
    user_key: str | None = None
    fill_end_user: bool = False
    instrument: str | tuple[str, ...] = "auto"
    retention_days: float | None = None
    flush_interval: float = 0.05
    queue_bytes: int = 64 * MEBIBYTE
    exit_timeout: float = 2.0
    secret: str | None = None


OPTIONS = tuple(Config.__struct_fields__)
_TEXTS = {"server_url", "api_key", "environment", "user_key", "secret"}
_NUMBERS = {"retention_days", "flush_interval", "queue_bytes", "exit_timeout"}
_WAITS = {"flush_interval", "exit_timeout"}
_BOOLEANS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
_DEFAULTS = Config()

UNSET: Any = msgspec.UNSET
"""The default of arguments for which None is a value."""


class Sources(msgspec.Struct, frozen=True):
    """Where each option's value comes from: ``init``, ``environment`` or ``default``; for `baserun doctor`."""

    of: dict[str, str]
    problems: tuple[str, ...]
    """Problems in the environment; the defaults are used instead."""


def resolve(given: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> tuple[Config, Sources]:
    """Build the configuration: arguments first, then the environment, then defaults.

    A wrong argument raises. A wrong environment variable is reported and ignored: it must not take the application
    down.

    Raises:
        ConfigurationError: An argument cannot be used.
        TypeError: There is no such option.
    """
    check_names(given, OPTIONS, "init() has no option")
    values = {name: _check(name, value) for name, value in given.items()}
    environ = os.environ if environ is None else environ
    inherited, problems = _from_environment(environ, skip=values.keys())
    of = {name: "init" if name in values else "environment" if name in inherited else "default" for name in OPTIONS}
    chosen = {**inherited, **values}
    chosen["store"] = locate(chosen.get("store"))  # resolved now: the application may change its folder later
    return Config(**chosen), Sources(of, tuple(problems))


def _from_environment(environ: Mapping[str, str], skip: Container[str]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems = []
    for variable in sorted(v for v in environ if v.startswith(PREFIX) and v not in OF_OTHERS):
        name = variable[len(PREFIX) :].lower()
        if name not in OPTIONS:
            close = closest(name, OPTIONS)
            suggestion = "" if close is None else f"; did you mean {PREFIX}{close.upper()}"
            problems.append(f"there is no option {variable}{suggestion}; it is ignored")
        elif name not in skip and environ[variable].strip():  # an empty variable counts as not set
            try:
                values[name] = _check(name, _parse(name, environ[variable]))
            except ConfigurationError as error:
                problems.append(f"{variable} is ignored: {error}")
    return values, problems


def _parse(name: str, text: str) -> Any:
    """Return the value that the text of a variable stands for; it is checked afterwards."""
    default = getattr(_DEFAULTS, name)
    lowered = text.strip().lower()
    if isinstance(default, bool):
        if lowered not in _BOOLEANS:
            raise ConfigurationError(f"{name} is {text!r}; write 1 or 0")
        return _BOOLEANS[lowered]
    if name == "instrument":
        names = tuple(part.strip() for part in lowered.split(",") if part.strip())
        return lowered if lowered in ("auto", "none") else names
    if lowered == "none":
        return None if default is None or name == "redact" else default
    if name in _NUMBERS:
        return _parse_number(name, text)
    return text


def _parse_number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ConfigurationError(f"{name} is {text!r}; write a number") from None
    return int(number) if name == "queue_bytes" and number == number // 1 else number


def _check(name: str, value: Any) -> Any:
    """Return the value of an option as the configuration has it; raise if it cannot be used."""
    if name == "store":
        return locate(value)
    if name == "redact":
        return _checked_redact(value)
    if name == "instrument":
        return _checked_instrument(value)
    if name in _TEXTS:
        return _checked_text(name, value)
    if name in _NUMBERS:
        return _checked_number(name, value)
    return check_bool(value, name)


def _checked_text(name: str, value: object) -> str | None:
    if value is None:
        return None
    text = check_text(value, name)
    if name == "server_url":
        raise ConfigurationError(
            "server_url is set, but this version records to a local store only; leave it out (store= chooses the file)"
        )
    return text


def _checked_number(name: str, value: object) -> float | None:
    if value is None and name == "retention_days":
        return None
    number = check_positive(value, name)
    if name == "queue_bytes" and not isinstance(number, int):
        raise ConfigurationError(f"queue_bytes must be a whole number of bytes, not {value!r}")
    return min(number, LONGEST_WAIT) if name in _WAITS else number


def _checked_redact(value: object) -> object:
    if callable(value):
        if is_async(value):
            raise ConfigurationError("redact must not be async: it runs on a thread without an event loop; write def")
        if not takes(value, 2):
            raise ConfigurationError(
                f"redact is called with a text and its path; write def redact(text, path), not {value!r}"
            )
        return value
    if value is None or value == "default":
        return value
    raise ConfigurationError(f"redact must be 'default', None, or a function of (text, path), not {value!r}")


def _checked_instrument(value: object) -> str | tuple[str, ...]:
    from baserun._instrument import CLIENTS

    if isinstance(value, str) and value in ("auto", "none"):
        return value
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list | tuple) else None
    if names is None or not all(isinstance(name, str) and name in CLIENTS for name in names):
        known = ", ".join(repr(name) for name in CLIENTS)
        raise ConfigurationError(f"instrument must be 'auto', 'none', or some of {known}; not {value!r}")
    return names
