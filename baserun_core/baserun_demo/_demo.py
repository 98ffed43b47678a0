"""Running the demo: its servers, its visitors, and cleaning up afterwards."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

import baserun
from baserun.cli._browser import open_browser
from baserun_chat import Settings, create_app
from baserun_demo._models import OFFLINE_NAME, Model, chosen_model, offline_client, offline_server
from baserun_demo._options import DemoOptions
from baserun_demo._servers import address_of, listen, serve, served
from baserun_demo._story import Story

Tell = Callable[[str], None]

KEPT_IN = "baserun-demo"
HOSTS = ("127.0.0.1", "localhost")
"""Accepted `Host` headers; a page of another site could reach the demo under a name of its own (DNS rebinding)."""


def run(options: DemoOptions, tell: Tell) -> None:
    """Show the demo until Ctrl-C or SIGTERM.

    Args:
        options: The command-line options.
        tell: Prints a line.

    Raises:
        DemoError: It cannot start.
    """
    with _ending_by_signals(), ExitStack() as stack:
        listener = stack.enter_context(listen(options.port))
        folder = stack.enter_context(_folder(keep=options.keep))
        if options.local_model:
            tell("Loading the local model ...")
        model = stack.enter_context(chosen_model(local=options.local_model))
        store = str(folder / "baserun.sqlite3")
        baserun.init(store, enabled=True, capture_content=True, user_key=None, environment="demo")
        stack.callback(baserun.shutdown)
        story = _story(stack, folder)
        url = address_of(listener)

        def started() -> None:
            _greet(tell, url, store, model)
            if options.browser and sys.stdout.isatty():
                open_browser(f"{url}/baserun/sessions")
            story.play()

        serve(_app(folder, "chat", model), listener, started)


def _story(stack: ExitStack, folder: Path) -> Story:
    """Set up the visitors, with a server and an offline model of their own, since they must not cost money."""
    offline = stack.enter_context(offline_server())
    visitors = Model(client=offline_client(offline), name=OFFLINE_NAME, told="")
    url = stack.enter_context(served(_app(folder, "visitors", visitors)))
    story = Story(url, offline)
    stack.callback(story.stop)
    return story


def _app(folder: Path, name: str, model: Model) -> ASGIApp:
    settings = Settings(
        database=folder / f"{name}.sqlite3",
        model=model.name,
        has_tools=model.has_tools,
        open_pages=True,
        notice=f"A demo of Baserun. Answers come from {model.told}.",
    )
    return TrustedHostMiddleware(create_app(settings, model.client), allowed_hosts=HOSTS)


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    """Create the folder for all files of the demo; without `keep` it is removed afterwards."""
    if keep:
        folder = Path(KEPT_IN).absolute()
        folder.mkdir(mode=0o700, exist_ok=True)
        yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="baserun-demo-", ignore_cleanup_errors=True) as name:
            yield Path(name)


def _greet(tell: Tell, url: str, store: str, model: Model) -> None:
    tell(f"pages  {url}/baserun/   sessions and users, as they are recorded")
    tell(f"chat   {url}/   log in with any e-mail address; answers come from {model.told}")
    tell(f"store  {store}")
    tell("Six visitors are talking to the same application now. Ctrl-C ends the demo.")


@contextmanager
def _ending_by_signals() -> Iterator[None]:
    """End the demo on SIGTERM and a closed terminal as on Ctrl-C: in order, and without an error."""
    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
