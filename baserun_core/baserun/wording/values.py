"""Recorded values of any type on one line: tags, logs, arguments and results."""

from __future__ import annotations

import json
from typing import Any

from baserun.store import StoredAnnotation
from baserun.wording.text import one_line

UNRECORDED = "what was said is not recorded"
_MOST_TEXT = 400


def value_in_words(value: object, most: int | None = _MOST_TEXT) -> str:
    """Return a value safe, on one line and cut to `most` characters: text as it is, anything else as JSON."""
    return one_line(value if isinstance(value, str) else compact(value), most)


def pairs(values: dict[str, object] | None) -> str | None:
    """Return values such as ``plan=pro, seats=3``; None if there are none."""
    return ", ".join(f"{name}={value_in_words(value)}" for name, value in values.items()) if values else None


def logged(note: StoredAnnotation) -> str:
    """Return the message of a log, or that it is not recorded."""
    return UNRECORDED if note.value is None else value_in_words(note.value)


def arguments_in_words(arguments: Any) -> str:
    """Return arguments such as ``city="Paris", days=3``; unchanged if they are not valid JSON."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return str(arguments)
    if isinstance(arguments, dict):
        return ", ".join(f"{name}={compact(value)}" for name, value in arguments.items())
    return "" if arguments is None else compact(arguments)


def compact(value: Any) -> str:
    """Return a value as JSON on one line."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "[nested too deeply to show]"
