"""Which turns of a session share a page, and what a page leaves out of a turn that fills more than one. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from baserun_monitor._conversation import Mark, Turn

TURNS_A_PAGE = 50
ITEMS_A_PAGE = 200
"""Messages, tool calls and marks: with so many, a page stays under 200 kB."""
FIRST, LAST = 80, 40
"""Of a turn that is longer than both together."""


def pages(turns: Iterable[Turn]) -> list[list[Turn]]:
    """The turns, page by page from the earliest on; there is one page at least."""
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
    """The turn, with its middle left out where it is very long."""
    left_out = len(turn.items) - FIRST - LAST
    if left_out <= 0:
        return turn
    note = Mark("note", f"{left_out:,} more messages and tool calls are on the page of this trace")
    return replace(turn, items=[*turn.items[:FIRST], note, *turn.items[-LAST:]])
