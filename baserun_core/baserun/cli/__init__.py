"""The command line ``baserun``: reading a store on a terminal, and looking after it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

_MISSING = (
    "baserun: the command line needs the package {package}, which is not installed. "
    'Install the extra, from a checkout of Baserun: pip install ".[cli]"\n'
)


def main(
    arguments: Sequence[str] | None = None, *, options: Mapping[str, Any] | None = None, program: str = "baserun"
) -> None:
    """Run the command line; without its extra, say what to install.

    Args:
        arguments: Those of the process if left out.
        options: What the application on whose behalf it runs gives to `baserun.init`, such as its store and `user_key`.
        program: What it is called in its own words.
    """
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        sys.stderr.write(_MISSING.format(package=error.name))
        raise SystemExit(1) from None
    from baserun.cli._app import app

    app(arguments, prog_name=program, obj=options)
