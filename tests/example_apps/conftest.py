"""The example apps as users run them: by their run scripts, each in its own process and folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
import pytest

import baserun
from baserun.store import StoredSession
from waiting import PATIENCE, eventually

EXAMPLES = Path(__file__).parents[2] / "example_apps"
COMMANDS = {
    "starlette_chat": [sys.executable, "-m", "baserun_chat"],
    "flask_chat": [sys.executable, "-m", "flask_chat"],
    "django_chat": [sys.executable, str(EXAMPLES / "django_chat" / "run.py")],
}
OTHERS = ("BASERUN_", "CHAT_", "DJANGO_", "OPENAI_")
"""Prefixes of environment variables that would change an example."""
PASSWORD = "correct horse battery"


class Site:
    """A running example."""

    def __init__(self, name: str, folder: Path, port: int) -> None:
        self.name = name
        self._folder = folder
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._port}"
        self.store = folder / ".baserun" / "baserun.sqlite3"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}
        environment |= {"CHAT_SECRET": "a secret of the tests, long enough", "CHAT_STAFF_PASSWORD": PASSWORD}
        environment |= {"PYTHONPATH": str(EXAMPLES / self.name), "TZ": "UTC"}
        with (self._folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [*COMMANDS[self.name], "--port", str(self._port)],
                cwd=self._folder, env=environment, stdout=log, stderr=log,
            )  # fmt: skip
        eventually(self._answers)

    def stop(self) -> None:
        """Stop the server."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)

    @property
    def log(self) -> str:
        """Everything that the server has printed."""
        return (self._folder / "log.txt").read_text()

    def sessions(self, visitor: Visitor) -> list[StoredSession]:
        """Return the stored sessions of a visitor with their content, the earliest first."""
        if not self.store.exists():
            return []
        store = baserun.open_store(self.store, budget=None)
        try:
            found = [store.session(each.id) for each in store.sessions(user=baserun.hash_user(visitor.email))]
        finally:
            store.close()
        return sorted((each for each in found if each is not None), key=lambda each: each.started_at)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log
        try:
            return httpx.get(f"{self.url}/login", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


class Visitor:
    """The browser of a logged-in user."""

    def __init__(self, site: Site, name: str) -> None:
        if name != "staff":
            name = f"{name}-{token_hex(3)}"  # a repeated test needs a new user
        self.email = f"{name}@example.com"
        self.browser = httpx.Client(base_url=site.url, follow_redirects=True, timeout=PATIENCE)
        if site.name != "django_chat":
            self.submit("/login", email=self.email, password=PASSWORD)
        elif name == "staff":
            self.submit("/login", username=name, password=PASSWORD)
        else:
            self.submit("/signup", username=name, email=self.email, password1=PASSWORD, password2=PASSWORD)
        assert self.email in self.page()

    def page(self) -> str:
        """Return the page of the chat."""
        return self.browser.get("/").raise_for_status().text

    def submit(self, path: str, **fields: str) -> httpx.Response:
        """Send the form of a page."""
        token = self._csrf()
        return self.browser.post(path, data={**fields, "csrfmiddlewaretoken": token}).raise_for_status()

    def post(self, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
        """Send JSON like the page's script."""
        return self.browser.post(path, json=body, headers={"X-CSRFToken": self._csrf(), **headers})

    def ask(self, message: str) -> list[dict[str, Any]]:
        """Send a message; return the lines of the answer."""
        response = self.post("/messages", {"message": message}).raise_for_status()
        return [json.loads(line) for line in response.text.splitlines()]

    def leave_after(self, pieces: int, message: str) -> None:
        """Send a message, and close the connection after `pieces` lines of the answer."""
        headers = {"X-CSRFToken": self._csrf()}
        with self.browser.stream("POST", "/messages", json={"message": message}, headers=headers) as response:
            lines = response.iter_lines()
            for _ in range(pieces):
                next(lines)

    def _csrf(self) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.browser.get("/").text)
        return "" if found is None else found[1]


@pytest.fixture(name="site", scope="session", params=COMMANDS)
def _site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[Site]:
    site = Site(request.param, tmp_path_factory.mktemp(request.param), free_port())
    site.start()
    yield site
    site.stop()


@pytest.fixture(name="visit")
def _visit(site: Site) -> Iterator[Callable[[str], Visitor]]:
    visitors = []

    def visit(name: str) -> Visitor:
        visitors.append(Visitor(site, name))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.browser.close()
    sys.stdout.write(site.log[-4_000:])  # shown if a test fails
