"""The one place where Baserun swallows its own failures, so that they never reach the application."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

Level = Literal["info", "warning", "error"]

_said: set[str] = set()
_MOST_SAID = 200


class guarded:  # noqa: N801  (reads as a statement: `with guarded("closing the stream"):`)
    """Swallow an `Exception` of ours, say it once in the log, and go on. A `BaseException` always passes.

    Only our own code belongs inside: what the application raises is not ours to hide.
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
    """Log a failure of ours: the first of its kind with a traceback, the following not at all."""
    key = f"{doing}: {type(error).__name__}"
    if key in _said or len(_said) >= _MOST_SAID:
        return
    _said.add(key)
    say("warning", "Baserun failed while %s; the application goes on (said once)", doing, error=error)


def say_once(key: str, message: str, *values: object) -> None:
    """Log a warning, but only the first with this key."""
    if key in _said or len(_said) >= _MOST_SAID:
        return
    _said.add(key)
    say("warning", message, *values)


def forget_what_was_said() -> None:
    """Start over, as a new process would."""
    _said.clear()


def say(level: Level, message: str, *values: object, error: BaseException | None = None) -> None:
    """Tell the logger ``baserun``. Never raises; `logging` is imported when there is something to say."""
    import logging

    try:
        getattr(logging.getLogger("baserun"), level)(message, *values, exc_info=error)
    except Exception:  # a broken log handler is no reason to break the application either
        return
