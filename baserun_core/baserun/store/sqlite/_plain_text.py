"""Extracting the words of a call's content from its JSON.

Removing a call from the search index needs the same text again, so a change here needs a new `VERSION`: the index is
then rebuilt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baserun.store.sqlite._convert import content

VERSION = 2
COLUMNS = "input, output, tool_calls, error_message"
"""The columns of the table contents that are searched; tables that are joined with it have none of these names."""

BREAK = "\n·\n"
"""Separates two texts, visibly also where they are shown in one line; it is not part of any word."""
LONGEST = 200_000
"""Characters of one call that are searched; the rest is not."""
LONGEST_WORD = 300
"""A text without a space that is longer than this is data (an image, an embedding), not words."""

_LABELS = frozenset(
    {"role", "type", "id", "object", "status", "finish_reason", "call_id", "tool_call_id", "detail", "encoding"}
)


def plain_text(row: Iterable[str | None]) -> str:
    """Return the words in a row of `COLUMNS`."""
    pieces: list[str] = []
    for column in row:
        if column is not None:
            _gather(content(column), pieces)
    return BREAK.join(pieces)[:LONGEST]


def _gather(value: Any, pieces: list[str]) -> None:
    """Collect texts without recursion: stored content may be nested deeply."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            if each and (len(each) <= LONGEST_WORD or " " in each[:LONGEST_WORD]):
                pieces.append(each)
        elif isinstance(each, dict):
            waiting += [item for key, item in reversed(each.items()) if key not in _LABELS]
        elif isinstance(each, list):
            waiting += reversed(each)
