"""The differences between a request and the recorded one, in readable form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from baserun.testing._replay.recording import Request

_NOTHING: Any = object()
_LONGEST = 300
_BEFORE = 60
"""Characters that are shown before the first difference of long texts."""
_MOST = 10


def difference(recorded: Request, asked: Request) -> list[str]:
    """Return lines that say where the two differ."""
    if (recorded.method, recorded.path) != (asked.method, asked.path):
        return [f"recorded: {recorded.method} {recorded.path}", f"asked:    {asked.method} {asked.path}"]
    found = list(_differences("", recorded.body, asked.body))
    lines = [line for place, old, new in found[:_MOST] for line in _told(place, old, new)]
    return lines + ([f"... and {len(found) - _MOST} more differences"] if len(found) > _MOST else [])


def _differences(place: str, recorded: Any, asked: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(recorded, dict) and isinstance(asked, dict):
        for name in dict.fromkeys([*recorded, *asked]):
            inner = f"{place}.{name}" if place else str(name)
            yield from _differences(inner, recorded.get(name, _NOTHING), asked.get(name, _NOTHING))
    elif isinstance(recorded, list) and isinstance(asked, list):
        for index in range(max(len(recorded), len(asked))):
            old = recorded[index] if index < len(recorded) else _NOTHING
            new = asked[index] if index < len(asked) else _NOTHING
            yield from _differences(f"{place}[{index}]", old, new)
    elif type(recorded) is not type(asked) or recorded != asked:
        yield place or "body", recorded, asked


def _told(place: str, recorded: Any, asked: Any) -> list[str]:
    start = _common(recorded, asked)
    return [place, f"  recorded: {_shown(recorded, start)}", f"  asked:    {_shown(asked, start)}"]


def _common(recorded: Any, asked: Any) -> int:
    """Return the index from which to show two texts that may be long."""
    if not (isinstance(recorded, str) and isinstance(asked, str)):
        return 0
    same = next(
        (index for index, (old, new) in enumerate(zip(recorded, asked, strict=False)) if old != new),
        min(len(recorded), len(asked)),
    )
    return max(0, same - _BEFORE)


def _shown(value: Any, start: int) -> str:
    if value is _NOTHING:
        return "(not there)"
    if isinstance(value, str) and start:
        value = f"…{value[start:]}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
