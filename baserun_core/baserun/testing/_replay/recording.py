"""A recording: the calls of one conversation, in a file that people read and review."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from baserun.exceptions import BaserunError

VERSION = 1
_FIRST = ("model", "instructions", "messages", "input", "prompt", "id", "object", "created", "created_at")
"""Members that come first in a body; the others follow by name."""
_UNPRINTABLE = re.compile(r"[^\n -~]")


class RecordingError(BaserunError):
    """A recording cannot be read, or cannot be made."""


class Request(msgspec.Struct, kw_only=True):
    """What was asked, as far as it matters."""

    method: str
    path: str
    body: Any = None


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What came back."""

    status: int = 200
    stream: bool = False
    """Whether it came in events; `body` has them put together."""
    body: Any = None
    fault: str | None = None
    """How it ended early: ``network``, ``timeout``, or ``error``, an error that the provider sent in the stream."""
    error: Any = None


class Exchange(msgspec.Struct, kw_only=True):
    """One call."""

    request: Request
    answer: Answer


class Recording(msgspec.Struct, kw_only=True):
    """Calls in the order in which they were made."""

    recording: int = VERSION
    ignore: list[str] = msgspec.field(default_factory=list)
    """Members of requests that do not matter, such as ``messages.0.content``."""
    calls: list[Exchange] = msgspec.field(default_factory=list)


def load(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: The file is not there, or is none.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Recording)
    except FileNotFoundError:
        raise RecordingError(
            f"There is no recording {path}. Make it with `pytest --baserun-record=once`, which calls the provider, or "
            "of a recorded session with `baserun sessions to-test`."
        ) from None
    except (msgspec.MsgspecError, ValueError, OSError) as error:
        raise RecordingError(f"The recording {path} cannot be read: {error}") from None
    if found.recording != VERSION:
        raise RecordingError(
            f"The recording {path} has version {found.recording}, and this Baserun reads {VERSION}; record it again."
        )
    return found


def text_of(recording: Recording) -> str:
    """The file's text: the same for the same calls, one member a line."""
    value = msgspec.to_builtins(recording)
    if not value["ignore"]:
        del value["ignore"]
    for call in value["calls"]:
        for part in call.values():
            if "body" in part:
                part["body"] = _ordered(part["body"])
    return _UNPRINTABLE.sub(_escaped, json.dumps(value, ensure_ascii=False, indent=2)) + "\n"


def save(recording: Recording, path: Path) -> None:
    """Write the file, and the folder around it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(recording), encoding="utf-8")


def _escaped(match: re.Match[str]) -> str:
    # Characters that turn the reading direction, or are not seen at all, must be seen in a diff.
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]


def _ordered(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    names = [name for name in _FIRST if name in value]
    return {name: value[name] for name in [*names, *sorted(set(value) - set(names))]}
