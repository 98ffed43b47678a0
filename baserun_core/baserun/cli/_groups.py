"""Click groups that report problems on one line, and list when only the noun is given."""

from __future__ import annotations

import os
import sys
from typing import IO, Any

import click

from baserun.exceptions import ConfigurationError, NarrowFilterError, StoreError
from baserun.wording.text import one_line

_HELP = ("-h", "--help")


class Problem(click.ClickException):
    """A command cannot do what was asked; exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message on one line."""
        click.echo(f"baserun: {one_line(self.message)}", file=file or sys.stderr)


class RootGroup(click.Group):
    """Reports exceptions of the store or the system on one line."""

    def __call__(self, *args: Any, **more: Any) -> Any:
        """Run the command line and report an `OSError`; click itself handles a closed pipe."""
        try:
            return super().__call__(*args, **more)
        except OSError as error:
            if not more.get("standalone_mode", True):
                raise
            _forget_unwritten()
            Problem(str(error)).show()
            sys.exit(Problem.exit_code)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and report errors of the store and of the configuration."""
        try:
            return super().invoke(ctx)
        except NarrowFilterError as error:
            raise Problem(
                f"{error} Narrow the filter: one user (--user), a shorter time (--since 24h), or fewer items (--limit)."
            ) from error
        except StoreError as error:
            raise Problem(str(error)) from error
        except ConfigurationError as error:
            raise click.UsageError(one_line(str(error))) from error


def _forget_unwritten() -> None:
    """Discard output that a full disk refused: writing it again at exit would end the process with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class NounGroup(click.Group):
    """A noun such as ``sessions``; alone, or with options only, it runs its ``list``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert ``list`` if no command is given."""
        if not args or (args[0].startswith("-") and args[0] not in _HELP):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an id in its place, fail with the command to write."""
        if args and args[0] not in self.commands and "show" in self.commands:
            name = one_line(args[0], 60)
            commands = ", ".join(sorted(self.commands))
            ctx.fail(
                f"{name!r} is no command of {ctx.info_name} ({commands}); to see one: {ctx.command_path} show {name}"
            )
        return super().resolve_command(ctx, args)
