"""Asking before something is gone for good."""

from __future__ import annotations

import sys

import click

from baserun.cli._groups import Problem


def confirm(question: str, is_agreed: bool) -> None:
    """Go on if the person agrees; where nobody can be asked, ``--yes`` has to be written."""
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise Problem(f"{question} Nobody can be asked here: add --yes to do it.")
    if not click.confirm(question, err=True):
        raise Problem("Nothing was changed.")
