"""Asking before data is deleted."""

from __future__ import annotations

import sys

import click

from baserun.cli._groups import Problem


def confirm(question: str, is_agreed: bool) -> None:
    """Ask, unless `is_agreed` (``--yes``); raise `Problem` if the person refuses or there is no terminal."""
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise Problem(f"{question} Nobody can be asked here: add --yes to do it.")
    if not click.confirm(question, err=True):
        raise Problem("Nothing was changed.")
