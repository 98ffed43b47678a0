"""The one place where Baserun swallows its own failures, so that they never reach the application."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

Level = Literal["info", "warning", "error"]

_said: set[str] = set()
_MOST_SAID = 200


class guarded:  # noqa: N801  (reads as a statement: `with guarded("closing the stream"):`)
    """Swallow an `Exception` of Baserun's own code and log it once. Any other `BaseException` passes.

    Put only our own code inside: exceptions of the application are not ours to hide. What runs for every call catches
    and reports without this class, since entering and leaving a context manager takes three calls.
    """

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if error is None or not isinstance(error, Exception):
            return False
        report(self._doing, error)
        return True


def report(doing: str, error: BaseException) -> None:
    """Log a failure of ours, with a traceback; later ones of the same kind are not logged."""
    key = f"{doing}: {type(error).__name__}"
    if key in _said or len(_said) >= _MOST_SAID:
        return
    _said.add(key)
    say("warning", "Baserun failed while %s; the application goes on (said once)", doing, error=error)


def say_once(key: str, message: str, *values: object) -> None:
    """Log a warning, only the first time for this key."""
    if key in _said or len(_said) >= _MOST_SAID:
        return
    _said.add(key)
    say("warning", message, *values)


def forget_what_was_said() -> None:
    """Log everything once again, as in a new process."""
    _said.clear()


def say(level: Level, message: str, *values: object, error: BaseException | None = None) -> None:
    """Log to the logger ``baserun``. Never raises; imports `logging` only when called."""
    import logging

    try:
        getattr(logging.getLogger("baserun"), level)(message, *values, exc_info=error)
    except Exception:  # a broken log handler must not break the application either
        return
