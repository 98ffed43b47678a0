"""Requests within the process, made as a server would call the application; no socket is involved."""

from __future__ import annotations

import asyncio
import io
from typing import Any


class WSGISite:
    """A WSGI application with a browser that keeps one cookie."""

    def __init__(self, app: Any, path: str) -> None:
        self._app = app
        self._path = path
        self.cookie = ""

    def request(self) -> None:
        """Make a request and read the answer."""
        body = self._app(self._environ(), self._started)
        b"".join(body)
        if hasattr(body, "close"):
            body.close()

    def forget(self) -> None:
        """Drop the cookie and get a new one, so that it is fresh at the beginning of each round."""
        self.cookie = ""
        self.request()

    def _started(self, status: str, headers: list[tuple[str, str]], _: Any = None) -> None:
        assert status.startswith("200"), status
        for name, value in headers:
            if name == "Set-Cookie":
                self.cookie = value.partition(";")[0]

    def _environ(self) -> dict[str, Any]:
        return {
            "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": self._path, "QUERY_STRING": "",
            "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "localhost",
            "HTTP_COOKIE": self.cookie, "REMOTE_ADDR": "127.0.0.1", "wsgi.version": (1, 0), "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.multithread": True,
            "wsgi.multiprocess": False, "wsgi.run_once": False,
        }  # fmt: skip


class ASGISite:
    """An ASGI application with a browser that keeps one cookie; one event loop for all requests."""

    loop = asyncio.new_event_loop()

    def __init__(self, app: Any, path: str) -> None:
        self._app = app
        self._path = path
        self.cookie = b""

    def request(self) -> None:
        """Make a request and read the answer."""
        self.loop.run_until_complete(self._request())

    def forget(self) -> None:
        """Drop the cookie and get a new one."""
        self.cookie = b""
        self.request()

    async def _request(self) -> None:
        await self._app(self._scope(), _Receiver().receive, self._send)

    async def _send(self, message: Any) -> None:
        if message["type"] != "http.response.start":
            return
        assert message["status"] == 200, message
        for name, value in message["headers"]:
            if name.lower() == b"set-cookie":
                self.cookie = value.partition(b";")[0]

    def _scope(self) -> dict[str, Any]:
        return {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": "GET",
            "scheme": "http", "path": self._path, "raw_path": self._path.encode(), "query_string": b"",
            "root_path": "", "headers": [(b"host", b"localhost"), (b"cookie", self.cookie)],
            "client": ("127.0.0.1", 1), "server": ("localhost", 80),
        }  # fmt: skip


class _Receiver:
    """The messages of a browser that sends one request and stays connected until it has the answer."""

    def __init__(self) -> None:
        self._has_asked = False

    async def receive(self) -> dict[str, Any]:
        if self._has_asked:
            await asyncio.Event().wait()
        self._has_asked = True
        return {"type": "http.request", "body": b"", "more_body": False}
