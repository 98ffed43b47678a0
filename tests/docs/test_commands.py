"""docs/cli.md documents the whole command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from baserun.cli._app import app

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Iterate over all commands that are not groups, each with its full name."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, f"{path} {name}")
    else:
        yield path, command


ALL = list(commands(app, "baserun"))
OPTIONS = sorted({option for _, command in ALL for each in command.params for option in each.opts if "--" in option})


@pytest.mark.parametrize("path", [path for path, _ in ALL])
def test_command_is_documented(path: str) -> None:
    """Every command is on the page of the command line."""
    assert f"`{path}" in TEXT


@pytest.mark.parametrize("option", OPTIONS)
def test_option_is_documented(option: str) -> None:
    """Every option of a command is on the page of the command line."""
    assert f"{option}`" in TEXT or f"{option} " in TEXT
