"""A real browser, the real command `baserun ui`, and a process that records."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

CHROMIUM = os.environ.get("BASERUN_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
PATIENCE_MS = 20_000


class Server:
    """A running `baserun ui`."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        command = [sys.executable, "-c", "from baserun.cli import main; main()", "ui", "--no-browser", "--port", "0"]
        self._process = subprocess.Popen([*command, *arguments], cwd=cwd, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.home = next(word for word in self._process.stdout.readline().split() if word.startswith("http")).rstrip(
            "/"
        )

    def stop(self) -> int:
        """End it like Ctrl-C; return its exit code."""
        self._process.send_signal(signal.SIGINT)
        code = self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return code


class Visitor:
    """A page in a browser, with the errors and requests that it made."""

    def __init__(self, context: BrowserContext, home: str) -> None:
        self.home = home
        self.page: Page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.problems: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def go(self, path: str) -> Page:
        """Open a path of the pages."""
        self.page.goto(self.home + path)
        return self.page


@pytest.fixture(scope="session", name="chromium")
def _chromium() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no browser at {CHROMIUM}: install Debian's chromium, or name another in BASERUN_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session", name="filler")
def _filler() -> ModuleType:
    """The module that records conversations."""
    import filler  # not at the top: it needs a client, which the bare environment has not

    return filler


@pytest.fixture(name="hostile")
def _hostile(path: Path) -> Path:
    """A store with a session of hostile values."""
    hostile.fill(str(path))
    return path


@pytest.fixture(name="path")
def _path(tmp_path: Path, filler: ModuleType) -> Path:
    """A store with a day of conversations."""
    path = tmp_path / "shop.sqlite3"
    filler.fill(path, days=1, now=datetime.now(UTC))
    return path


@pytest.fixture(name="serve")
def _serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """A function that starts servers, which are ended after the test."""
    servers: list[Server] = []

    def start(*arguments: str) -> Server:
        servers.append(Server(*arguments, cwd=tmp_path))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(name="open_browser")
def _open_browser(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """A function that opens browsers, which must have no errors and request nothing from other servers."""
    opened: list[tuple[BrowserContext, Visitor]] = []

    def start(home: str, **options: Any) -> Visitor:
        context = chromium.new_context(**options)
        opened.append((context, Visitor(context, home)))
        return opened[-1][1]

    yield start
    for context, visitor in opened:
        context.close()
        assert visitor.problems == []
        assert [url for url in visitor.requests if not url.startswith((visitor.home, "data:"))] == []


@pytest.fixture(name="visitor")
def _visitor(path: Path, serve: Callable[..., Server], open_browser: Callable[..., Visitor]) -> Visitor:
    """A browser on the pages of the filled store."""
    return open_browser(serve(str(path)).home)


@pytest.fixture(name="record")
def _record(path: Path) -> Callable[[str], None]:
    """A function that records a question with its answer in another process."""

    def say(question: str, session: str = "live") -> None:
        program = (
            "import sys, openai, baserun\n"
            "from baserun.testing import OfflineModel\n"
            "baserun.init(store=sys.argv[1])\n"
            "with OfflineModel() as model, openai.OpenAI(base_url=model.url, api_key='offline') as client:\n"
            "    with baserun.with_session(user_identifier='grace', session_identifier=sys.argv[3], auto_end=False):\n"
            "        messages = [{'role': 'user', 'content': sys.argv[2]}]\n"
            "        client.chat.completions.create(model='gpt-4o-mini', messages=messages)\n"
            "assert baserun.flush(30)\n"
        )
        subprocess.run([sys.executable, "-c", program, str(path), question, session], check=True)

    return say
