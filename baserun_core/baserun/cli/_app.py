"""The root command, with all others."""

from __future__ import annotations

import click

from baserun.cli._demo import demo
from baserun.cli._doctor import doctor
from baserun.cli._groups import RootGroup
from baserun.cli._prune import prune
from baserun.cli._search import search
from baserun.cli._sessions import sessions
from baserun.cli._stats import stats
from baserun.cli._stores import remember
from baserun.cli._traces import traces
from baserun.cli._ui import ui
from baserun.cli._users import users


@click.group(cls=RootGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="baserun", prog_name="baserun", message="%(prog)s %(version)s")
@click.option("--store", "store_url", metavar="URL", help="The store, for every command; a path or URL.")
@click.pass_context
def app(ctx: click.Context, store_url: str | None) -> None:
    """Sessions and users of LLM applications, as they were recorded.

    On a terminal you get tables and conversations, in a pipe tab-separated text, and with --json the records.
    """
    remember(ctx, store_url)


for command in (sessions, users, traces, search, stats, ui, demo, prune, doctor):
    app.add_command(command)
