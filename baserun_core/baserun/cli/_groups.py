"""Click groups with our manners: problems are one line, and a bare noun lists."""

from __future__ import annotations

import sys
from typing import IO, Any

import click

from baserun.cli._render._text import one_line
from baserun.exceptions import ConfigurationError, NarrowFilterError, StoreError

_HELP = ("-h", "--help")


class Problem(click.ClickException):
    """Something is not there or does not work; exit code 1."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Write it on one line."""
        click.echo(f"baserun: {one_line(self.message)}", file=file or sys.stderr)


class RootGroup(click.Group):
    """Turns what the store raises into one clear line."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
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


class NounGroup(click.Group):
    """A noun such as ``sessions``: alone, or with options only, it lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` where no command is."""
        if not args or (args[0].startswith("-") and args[0] not in _HELP):
            args = ["list", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an id in its place gets the command that it needs."""
        if args and args[0] not in self.commands and "show" in self.commands:
            name = one_line(args[0], 60)
            commands = ", ".join(sorted(self.commands))
            ctx.fail(
                f"{name!r} is no command of {ctx.info_name} ({commands}); to see one: {ctx.command_path} show {name}"
            )
        return super().resolve_command(ctx, args)
