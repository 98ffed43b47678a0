"""Dividing the turns of a session into pages, and shortening very long turns. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from baserun_monitor._conversation import Mark, Turn

TURNS_A_PAGE = 50
ITEMS_A_PAGE = 200
"""Messages, tool calls and marks on a page, which keep it under 200 kB."""
FIRST, LAST = 80, 40
"""The items that are kept of a turn with more than both together."""


def pages(turns: Iterable[Turn]) -> list[list[Turn]]:
    """Divide the turns into pages, the earliest first; there is at least one page."""
    found: list[list[Turn]] = [[]]
    items = 0
    for turn in map(_shortened, turns):
        items += len(turn.items)
        if found[-1] and (len(found[-1]) == TURNS_A_PAGE or items > ITEMS_A_PAGE):
            found.append([])
            items = len(turn.items)
        found[-1].append(turn)
    return found


def _shortened(turn: Turn) -> Turn:
    """Leave out the middle of a very long turn."""
    left_out = len(turn.items) - FIRST - LAST
    if left_out <= 0:
        return turn
    note = Mark("note", f"{left_out:,} more messages and tool calls are on the page of this trace")
    return replace(turn, items=[*turn.items[:FIRST], note, *turn.items[-LAST:]])
