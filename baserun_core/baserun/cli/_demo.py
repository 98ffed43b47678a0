"""``baserun demo``"""

from __future__ import annotations

import click

from baserun.cli._extras import require_extra
from baserun.cli._groups import Problem
from baserun.cli._types import PORT_NUMBER

_NEEDED = ("openai", "starlette", "uvicorn", "jinja2", "python_multipart")


@click.command(short_help="Show Baserun with a chat that is being used.")
@click.option("--port", type=PORT_NUMBER, help="0 takes a free one. [default: 4321, if it is free]")
@click.option("--keep", is_flag=True, help="Keep what was recorded, in the folder baserun-demo.")
@click.option("--no-browser", is_flag=True, help="Only print the addresses.")
@click.option("--local-model", is_flag=True, help="Chat with a small real model on this machine.")
def demo(port: int | None, keep: bool, no_browser: bool, local_model: bool) -> None:
    """Show Baserun with a chat that is being used, until Ctrl-C.

    Visitors come and talk to an application in Starlette, and the pages show what is recorded of it. You can chat there
    too: with the provider when OPENAI_API_KEY is set, else with a model that works offline.
    """
    require_extra("demo", "The demo needs", _NEEDED)
    from baserun_demo import DemoError, DemoOptions, run

    options = DemoOptions(port=port, keep=keep, browser=not no_browser, local_model=local_model)
    try:
        run(options, click.echo)
    except DemoError as error:
        raise Problem(str(error)) from error
