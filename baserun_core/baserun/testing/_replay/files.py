"""Recordings as files, which people read, review and edit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from baserun.testing._replay.history import restored, shortened
from baserun.testing._replay.layout import gathered, laid_out
from baserun.testing._replay.recording import VERSION, Recording, RecordingError

_FIRST = ("model", "instructions", "messages", "input", "prompt", "id", "object", "created", "created_at")
"""Members that come first in a body; the others follow by name."""


def load(path: Path) -> Recording:
    """Read a recording.

    Raises:
        RecordingError: There is no such file, or it is not a valid recording.
    """
    try:
        # With the standard library, as the client decodes answers: models also send lone surrogates.
        found = msgspec.convert(gathered(json.loads(path.read_bytes())), type=Recording)
        requests = restored([call.request for call in found.calls])
    except FileNotFoundError:
        raise RecordingError(
            f"There is no recording {path}. Make it with `pytest --baserun-record=once`, which calls the provider, or "
            "of a recorded session with `baserun sessions to-test`."
        ) from None
    except (msgspec.MsgspecError, ValueError, TypeError, OSError) as error:
        raise RecordingError(f"The recording {path} cannot be read: {error}") from None
    if found.recording != VERSION:
        raise RecordingError(
            f"The recording {path} has version {found.recording}, and this Baserun reads {VERSION}; record it again."
        )
    for call, request in zip(found.calls, requests, strict=True):
        call.request = request
    return found


def text_of(recording: Recording) -> str:
    """Return the text of the file: the same for the same calls."""
    value = msgspec.to_builtins(recording)
    if not value["ignore"]:
        del value["ignore"]
    requests = shortened([call.request for call in recording.calls])
    for call, request in zip(value["calls"], requests, strict=True):
        call["request"] = msgspec.to_builtins(request)
        for part in call.values():
            if "body" in part:
                part["body"] = _ordered(part["body"])
    return laid_out(value)


def save(recording: Recording, path: Path) -> None:
    """Write the recording, and create its folder if necessary."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text_of(recording), encoding="utf-8")


def _ordered(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    names = [name for name in _FIRST if name in value]
    return {name: value[name] for name in [*names, *sorted(set(value) - set(names))]}
