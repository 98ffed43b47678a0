"""The command line ``baserun``: reading and maintaining a store from a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from baserun._extras import not_installed


def main(
    arguments: Sequence[str] | None = None, *, options: Mapping[str, Any] | None = None, program: str = "baserun"
) -> None:
    """Run the command line; without its extra, print what to install and exit with 1.

    Args:
        arguments: The command-line arguments; by default those of the process.
        options: The options that the application running it gives to `baserun.init`, such as its store and `user_key`.
        program: The name of the program in help and error messages.
    """
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        sys.stderr.write(f"baserun: {not_installed('the command line needs', error.name, 'cli')}\n")
        raise SystemExit(1) from None
    from baserun.cli._app import app

    app(arguments, prog_name=program, obj=options)
