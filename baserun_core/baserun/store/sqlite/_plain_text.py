"""The words in a call's content, without the JSON around them.

What is removed from the index is told this text again, so a change here needs a new `VERSION`: the index is then made
anew.
"""

from __future__ import annotations

from typing import Any

from baserun.store.sqlite._convert import content

VERSION = 2
COLUMNS = "input, output, tool_calls, error_message"
"""What is searched, of the table contents."""

BREAK = "\n·\n"
"""Stands between two texts, for those who read them in one line; it is no part of any word."""
LONGEST = 200_000
"""Characters of one call that are searched."""
LONGEST_WORD = 300
"""A text without a space that is longer than this is data (an image, an embedding), not words."""

_LABELS = frozenset(
    {"role", "type", "id", "object", "status", "finish_reason", "call_id", "tool_call_id", "detail", "encoding"}
)


def plain_text(row: tuple[str | None, ...]) -> str:
    """The words in a row of `COLUMNS`."""
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
