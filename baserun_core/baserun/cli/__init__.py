"""The command line ``baserun``: reading a store on a terminal, and looking after it."""

from __future__ import annotations

import sys

_MISSING = (
    "baserun: the command line needs the package {package}, which is not installed. "
    'Install the extra, from a checkout of Baserun: pip install ".[cli]"\n'
)


def main() -> None:
    """Run the command line; without its extra, say what to install."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ModuleNotFoundError as error:
        sys.stderr.write(_MISSING.format(package=error.name))
        raise SystemExit(1) from None
    from baserun.cli._app import app

    app(prog_name="baserun")
