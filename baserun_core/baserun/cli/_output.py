"""The output of a command: to a terminal, or to a pipe that another program reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from rich.console import Console, RenderableType
from rich.text import Text

from baserun.cli._render._columns import Column
from baserun.cli._render._lines import Line
from baserun.cli._render._tables import tab_separated, table
from baserun.cli._render._view import View
from baserun.store import Page
from baserun.wording.text import safe_json

MOST_WIDTH = 120
"""Columns; longer lines of prose are hard to read on any screen."""

_LEAST_WIDTH = 16


Item = TypeVar("Item")


class Output:
    """Standard output, formatted for a person or a program."""

    def __init__(self, *, is_full: bool = False) -> None:
        _never_fail_to_encode()
        is_terminal = _is_terminal()
        self._console = Console(force_terminal=is_terminal, markup=False, highlight=False, emoji=False, soft_wrap=False)
        self.view = View(datetime.now(UTC), is_terminal, is_full)

    @property
    def width(self) -> int:
        """The columns of the screen that prose uses."""
        return min(self._console.width, MOST_WIDTH)

    def items(self, columns: Sequence[Column[Item]], page: Page[Item], nothing: str) -> None:
        """Write a page of a list; on a terminal as a table, or `nothing` if it is empty."""
        if not self.view.is_terminal:
            for line in tab_separated(columns, page.items):
                click.echo(line)
        elif not page.items:
            self.say(Text(nothing, style="dim"))
        else:
            self.say(table(columns, page.items, self.view, self._console.width))
        if page.next is not None:
            # To standard error in a pipe: the next program must not read it as a record.
            click.echo(f"More with --after {page.next}", err=not self.view.is_terminal)

    def lines(self, lines: Iterable[Line]) -> None:
        """Write lines of prose, wrapped on a terminal."""
        for line in lines:
            if self.view.is_terminal:
                self._wrap(line)
            else:
                click.echo("\n".join(" " * line.indent + part if part else "" for part in line.text.plain.split("\n")))

    def _wrap(self, line: Line) -> None:
        room = self.width - line.indent
        beside = line.label if room - line.label >= _LEAST_WIDTH else 0
        label, body = line.text[:beside], line.text[beside:]
        rows = body.wrap(self._console, max(_LEAST_WIDTH, room - beside))
        for at, row in enumerate(rows or [body]):
            before = label if at == 0 else Text(" " * beside)
            self._console.print(Text(" " * line.indent) + before + row, soft_wrap=True)

    def say(self, what: RenderableType) -> None:
        """Print any other renderable."""
        self._console.print(what)


def write_json(value: Any) -> None:
    """Write one JSON value."""
    _never_fail_to_encode()
    click.echo(safe_json(json.dumps(value, ensure_ascii=False, indent=2)))


def write_page(columns: Sequence[Column[Item]], page: Page[Item], nothing: str, *, as_json: bool) -> None:
    """Write a page of a list: as one JSON object with the cursor of the next page, or like `Output.items`."""
    if as_json:
        write_json(page.to_dict())
    else:
        Output().items(columns, page, nothing)


def _is_terminal() -> bool:
    is_terminal = getattr(sys.stdout, "isatty", None)  # it is None if the parent process has closed it
    return is_terminal is not None and is_terminal()


def _never_fail_to_encode() -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")
