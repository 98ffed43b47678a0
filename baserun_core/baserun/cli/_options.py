"""The options that lists share: the filters of `baserun.store.filters`, under the same names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from baserun.cli._types import MOMENT, TAG, NumberType
from baserun.store.filters import (
    DEFAULT_LIMIT,
    FEEDBACK,
    HIGHEST_LIMIT,
    SESSION_SORTS,
    STATUSES,
    TRACE_SORTS,
    USER_SORTS,
)

Command = Callable[..., Any]

_USER = click.option(
    "--user", metavar="USER", help="Of one user: an identifier, or the e-mail address behind its hash."
)
_COMMON = (
    click.option(
        "--since",
        type=MOMENT,
        help="Not before: 30m, 24h, 7d, or a time such as 2026-05-31 (UTC).",
    ),
    click.option("--until", type=MOMENT, help="Before: like --since."),
    click.option("--feedback", type=click.Choice(FEEDBACK), help="With such feedback."),
    click.option(
        "--min-errors", type=NumberType(1), metavar="N", help="At least N, with those that the application caught."
    ),
    click.option("--min-cost", type=NumberType(0.05), metavar="DOLLARS", help="That cost this much or more."),
    click.option("--min-tokens", type=NumberType(1000), metavar="N", help="Input and output tokens together."),
)
_CONTENT = (
    click.option("--status", type=click.Choice(STATUSES), help="With a trace of this status."),
    click.option("--model", metavar="NAME", help="With a call to this model, as it was asked for or answered."),
    click.option("--kind", metavar="KIND", help="With such a trace: request, function, llm, embedding, test, ..."),
    click.option("--tag", type=TAG, help="With this tag."),
    click.option("--min-duration", type=NumberType(2.5), metavar="SECONDS", help="That took this long or longer."),
    click.option("--text", metavar="WORDS", help="In which these words were said."),
)
_SESSION = click.option("--session", metavar="ID", help="Of one session.")
_PAGES = (
    click.option(
        "--limit",
        type=NumberType(20, 1, HIGHEST_LIMIT),
        default=DEFAULT_LIMIT,
        show_default=True,
        metavar="N",
        help=f"Items of a page, {HIGHEST_LIMIT} at most.",
    ),
    click.option("--after", metavar="CURSOR", help="The page after the one that ended with this cursor."),
)

json_option = click.option("--json", "as_json", is_flag=True, help="Write the records as JSON.")
full_option = click.option("--full", "is_full", is_flag=True, help="Leave nothing out of long texts and histories.")


def user_filters(command: Command) -> Command:
    """Add the options of lists of users."""
    return _with((_USER, *_COMMON, _sort(USER_SORTS), *_PAGES, json_option), command)


def session_filters(command: Command) -> Command:
    """Add the options of lists of sessions."""
    return _with((_USER, *_COMMON, *_CONTENT, _sort(SESSION_SORTS), *_PAGES, json_option), command)


def trace_filters(command: Command) -> Command:
    """Add the options of lists of traces."""
    return _with((_USER, _SESSION, *_COMMON, *_CONTENT, _sort(TRACE_SORTS), *_PAGES, json_option), command)


def search_options(command: Command) -> Command:
    """Add the options of a search."""
    return _with((_USER, *_PAGES, json_option), command)


def given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the filters that were given."""
    return {name: value for name, value in options.items() if value is not None}


def _sort(names: Sequence[str]) -> Callable[[Command], Command]:
    choices = [sign + name for name in names for sign in ("", "-")]
    return click.option(
        "--sort", type=click.Choice(choices), metavar="NAME", help=f"One of {', '.join(names)}; -NAME: highest first."
    )


def _with(options: Sequence[Callable[[Command], Command]], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
