"""Starlette requests in special conditions: files, preflights, refused websockets, the application's own tasks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket, WebSocketDisconnect

from baserun.testing import Captured
from baserun_starlette import BaserunMiddleware

OURS = Middleware(BaserunMiddleware)
HERE = Path(__file__)


@pytest.mark.parametrize("around", [[OURS], [Middleware(GZipMiddleware), OURS], [OURS, Middleware(GZipMiddleware)]])
def test_files(captured: Captured, call: Any, around: list[Middleware]) -> None:
    """A file is sent whole, as a range and for HEAD, and carries the cookie like any response."""

    async def file(request: Request) -> Response:
        call("file")
        return FileResponse(HERE)

    browser = TestClient(Starlette(routes=[Route("/file", file)], middleware=around))
    whole = browser.get("/file")
    part = browser.get("/file", headers={"range": "bytes=0-9"})
    head = browser.head("/file")

    assert (whole.content, part.content, head.content) == (HERE.read_bytes(), HERE.read_bytes()[:10], b"")
    assert (whole.status_code, part.status_code, head.status_code) == (200, 206, 200)
    assert "baserun" in whole.cookies
    assert [trace.status for trace in captured.traces] == ["ok"] * 3
    assert len(captured.sessions) == 1


@pytest.mark.parametrize("order", [1, -1], ids=["above us", "below us"])
def test_a_preflight_touches_nothing(captured: Captured, call: Any, order: int) -> None:
    """A CORS preflight is answered without a cookie, and nothing is recorded."""

    async def chat(request: Request) -> Response:
        call()
        return Response()

    cors = Middleware(CORSMiddleware, allow_origins=["https://a.example"], allow_credentials=True)
    browser = TestClient(Starlette(routes=[Route("/chat", chat)], middleware=[cors, OURS][::order]))
    origin = {"origin": "https://a.example"}

    preflight = browser.options("/chat", headers={**origin, "access-control-request-method": "GET"})
    assert (preflight.status_code, captured.stats.captured) == (200, 0)
    assert "set-cookie" not in preflight.headers

    answer = browser.get("/chat", headers=origin)
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert {"Cookie", "Origin"} <= set(answer.headers["vary"].split(", "))


def test_the_applications_own_session(captured: Captured, call: Any) -> None:
    """The cookie of SessionMiddleware and ours are both set, and `get_user` can read its session."""

    async def login(request: Request) -> Response:
        request.session["user"] = "customer-7"
        return Response()

    async def chat(request: Request) -> Response:
        call()
        return Response()

    app = Starlette(
        routes=[Route("/login", login), Route("/chat", chat)],
        middleware=[
            Middleware(SessionMiddleware, secret_key="a secret of the tests"),
            Middleware(BaserunMiddleware, get_user=lambda request: request.session.get("user")),
        ],
    )
    browser = TestClient(app)
    for path in ("/chat", "/login", "/chat", "/chat"):
        assert browser.get(path).status_code == 200

    assert set(browser.cookies) == {"session", "baserun"}
    assert sorted((session.user_identifier or "", session.turns) for session in captured.sessions) == [
        ("", 1),
        ("customer-7", 2),
    ]


@pytest.mark.parametrize("how", ["closed", "denied", "raised", "failed"])
def test_websockets_that_come_to_nothing(captured: Captured, call: Any, how: str) -> None:
    """A refused or failed connection ends as without us, and its trace has the status."""

    async def endpoint(socket: WebSocket) -> None:
        call()
        if how == "denied":
            await socket.send_denial_response(PlainTextResponse("not you", status_code=403))
        elif how == "closed":
            await socket.close(4001)
        else:
            await socket.accept()
            if how == "raised":
                raise LookupError("no such room")
            await socket.close(1011)

    app = Starlette(routes=[WebSocketRoute("/ws", endpoint)], middleware=[OURS])
    expected = {"closed": WebSocketDisconnect, "denied": WebSocketDenialResponse, "raised": LookupError}
    with pytest.raises(expected.get(how, WebSocketDisconnect)), TestClient(app).websocket_connect("/ws") as socket:
        socket.receive_text()

    (trace,) = captured.traces
    assert (trace.status, (trace.metadata or {}).get("status_code")) == {
        "closed": ("ok", None),
        "denied": ("ok", 403),
        "raised": ("error", 101),
        "failed": ("ok", 101),
    }[how]


def test_tasks_of_the_application_are_in_no_session(captured: Captured, call: Any) -> None:
    """A task started by the lifespan is in no visitor's session."""
    asked = asyncio.Event()

    async def loop() -> None:
        await asked.wait()
        call("housekeeping")

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(loop())
        yield
        await task

    async def chat(request: Request) -> Response:
        call("chat")
        asked.set()
        await asyncio.sleep(0)
        return Response()

    with TestClient(Starlette(routes=[Route("/chat", chat)], middleware=[OURS], lifespan=lifespan)) as browser:
        browser.get("/chat")

    homes = {span.name: trace.session_id is None for trace in captured.traces for span in trace.spans or []}
    assert homes == {"chat chat": False, "chat housekeeping": True}


class Awkward:
    """A user whose e-mail address cannot be read."""

    is_authenticated = True
    id = 7

    @property
    def email(self) -> str:
        raise ConnectionError("the directory is away")


def test_a_user_who_cannot_be_read(captured: Captured, call: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A failing property of the application's user object is logged, and the request continues."""

    async def chat(request: Request) -> Response:
        request.state.user = Awkward()
        call()
        return PlainTextResponse("answer")

    answer = TestClient(Starlette(routes=[Route("/chat", chat)], middleware=[OURS])).get("/chat")

    assert answer.text == "answer"
    assert [session.user_identifier for session in captured.sessions] == [None]
    assert "the directory is away" in caplog.text
