"""Rendering lists as a table that fits the screen, or as tab-separated lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from baserun.cli._render._columns import Cell, Column
from baserun.cli._render._view import View

Item = TypeVar("Item")

_GAP = 2
_LEAST_FLEXIBLE = 20
"""Columns of the screen; a column of text that is narrower is useless."""


def tab_separated(columns: Sequence[Column[Item]], items: Sequence[Item]) -> Iterator[str]:
    """Yield a line with the names of the fields, and one for each item; values have no tabs and no line breaks."""
    yield "\t".join(column.field for column in columns)
    for item in items:
        yield "\t".join(column.value(item) for column in columns)


def table(columns: Sequence[Column[Item]], items: Sequence[Item], view: View, width: int) -> Table:
    """Make a table of the columns that fit into `width`."""
    cells = {
        column.title: [_text(column.shown(item, view.now)) for item in items] for column in columns if column.title
    }
    shown = _fitting([column for column in columns if column.title], cells, width)
    made = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="dim", show_edge=False)
    for column in shown:
        room = _rest(shown, cells, width) if column.is_flexible else None
        made.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=room,
        )
    for row in zip(*(cells[column.title] for column in shown), strict=True):
        made.add_row(*row)
    return made


def _fitting(columns: list[Column[Item]], cells: dict[str, list[Text]], width: int) -> list[Column[Item]]:
    while len(columns) > 1 and _needed(columns, cells) > width:
        least = min(column.keep for column in columns)
        columns.pop(max(at for at, column in enumerate(columns) if column.keep == least))
    return columns


def _needed(columns: Sequence[Column[Item]], cells: dict[str, list[Text]]) -> int:
    widths = [_width(column, cells[column.title]) for column in columns]
    return sum(widths) + _GAP * (len(columns) - 1)


def _rest(columns: Sequence[Column[Item]], cells: dict[str, list[Text]], width: int) -> int:
    others = [column for column in columns if not column.is_flexible]
    return max(len("…"), width - _needed(others, cells) - _GAP)


def _width(column: Column[Item], texts: Sequence[Text]) -> int:
    widest = max((cell_len(text.plain) for text in texts), default=0)
    return max(len(column.title), min(widest, _LEAST_FLEXIBLE) if column.is_flexible else widest)


def _text(cell: Cell) -> Text:
    return Text(cell) if isinstance(cell, str) else Text(*cell)
