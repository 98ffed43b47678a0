"""Fixtures of the web tests: a captured store with a fake clock, calls to a model, and tiny applications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any

import pytest

from baserun.testing import Captured, CountingIds, FakeClock, capture

SECRET = "a secret of the tests, long enough"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def captured(clock: FakeClock) -> Iterator[Captured]:
    with capture(clock=clock, ids=CountingIds(), secret=SECRET, instrument="none") as captured:
        yield captured


class Answer:
    """The response of an application to one request."""

    def __init__(self, messages: list[MutableMapping[str, Any]]) -> None:
        start = next((m for m in messages if m["type"] in STARTS), {})
        self.messages = messages
        self.status: int | None = start.get("status")
        self.headers: list[tuple[bytes, bytes]] = list(start.get("headers", ()))
        self.body = b"".join(m.get("body", b"") for m in messages if m["type"] == "http.response.body")

    def header(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        return ", ".join(found) if found else None

    @property
    def cookie(self) -> str | None:
        """Return ``name=value`` of the cookie that was set."""
        line = self.header("set-cookie")
        return None if line is None else line.partition(";")[0]


STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


def _scope(path: str, headers: Iterable[tuple[str, str]], **more: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        **more,
    }


async def _ask(app: Any, path: str = "/", headers: Iterable[tuple[str, str]] = (), **more: Any) -> Answer:
    messages: list[MutableMapping[str, Any]] = []
    incoming: list[dict[str, Any]] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0) if incoming else {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    await app(_scope(path, headers, **more), receive, send)
    return Answer(messages)


@pytest.fixture
def ask() -> Callable[..., Awaitable[Answer]]:
    """Return a function that sends one request to an ASGI application, as a server would."""
    return _ask


Handler = Callable[[MutableMapping[str, Any]], Any]


def _answering(handler: Handler, *, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Any:
    async def app(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        body = handler(scope)
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": str(body or "").encode()})

    return app


@pytest.fixture
def answering() -> Callable[..., Any]:
    """Return a maker of ASGI applications that answer with what a function of the scope returns."""
    return _answering
