"""Checks of arguments and options that several public functions share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from baserun.exceptions import ConfigurationError

LONGEST_WAIT = 86_400.0
"""A day, in seconds; on some systems threads cannot wait for much longer, let alone for infinity."""


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


def check_positive(value: object, what: str, kind: str = "a number") -> float:
    """Return `value` if it is a number above 0, and not infinite; raise otherwise."""
    if not is_number(value) or not 0 < value < float("inf"):
        raise ConfigurationError(f"{what} must be {kind} above 0, not {value!r}")
    return value


def check_timeout(value: object) -> float:
    """Return the number of seconds to wait, at most `LONGEST_WAIT`; raise if `value` is none."""
    if not is_number(value) or not value >= 0:  # NaN is not
        raise ConfigurationError(f"timeout must be a number of seconds, not {value!r}")
    return min(value, LONGEST_WAIT)


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether `value` is an int or a float; a bool counts as neither."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_async(function: Any) -> bool:
    """Whether calling `function`, which may be an object with an ``async def __call__``, gives a coroutine."""
    import inspect  # only where functions are given

    try:
        return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)
    except Exception:  # of a proxy without an object yet, such as Flask's `current_app`
        return False


def takes(function: Any, count: int) -> bool:
    """Whether `function` can be called with `count` positional arguments; True where that cannot be known."""
    import inspect

    try:
        signature = inspect.signature(function, follow_wrapped=False)
    except Exception:  # a builtin has none; that of a proxy may raise anything
        return True
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def check_names(
    given: Iterable[str], possible: Sequence[str], problem: str, error: type[Exception] = TypeError
) -> None:
    """Raise an error, by default as Python does for an unknown argument, if a name is not among the possible ones."""
    for name in given:
        if name not in possible:
            close = closest(name, possible)
            suggestion = "" if close is None else f"; did you mean {close!r}?"
            raise error(f"{problem} {name!r}{suggestion}; the options are {', '.join(possible)}")


def closest(name: str, possible: Sequence[str]) -> str | None:
    """Return the possible name that was probably meant, or None."""
    import difflib  # only needed for a mistake

    return next(iter(difflib.get_close_matches(name, possible, n=1)), None)


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
