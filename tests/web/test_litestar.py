"""Litestar below the plain ASGI middleware, as ``docs/other-frameworks.md`` promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from litestar import Litestar, Request, Response, WebSocket, get, websocket
from litestar.background_tasks import BackgroundTask
from litestar.response import Stream
from starlette.testclient import TestClient

import baserun
from baserun.testing import Captured
from baserun.web import ASGIMiddleware


@get("/chat/{topic:str}")
async def chat(request: Request[Any, Any, Any]) -> str:
    baserun.log(request.path_params["topic"])
    return str(request.scope["state"]["baserun_session"].id)


@get("/in-a-thread", sync_to_thread=True)
def in_a_thread() -> str:
    baserun.log("in a thread")
    return ""


@get("/stream")
async def stream() -> Stream:
    async def body() -> AsyncIterator[str]:
        for word in ("one", "two"):
            baserun.log(word)
            yield word

    return Stream(body(), media_type="text/event-stream")


async def afterwards() -> None:
    baserun.log("afterwards")


@get("/background")
async def background() -> Response[str]:
    return Response("", background=BackgroundTask(afterwards))


@get("/plain")
async def plain() -> str:
    return "nothing happens here"


@websocket("/socket")
async def socket(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()
    baserun.log(await socket.receive_text())
    await socket.send_text(str(socket.scope["state"]["baserun_session"].id))
    await socket.close()


def test_requests_of_one_browser_are_one_session(captured: Captured) -> None:
    """Coroutines, threads, streams, background tasks and websockets are in the session of their visitor."""
    app = ASGIMiddleware(Litestar([chat, in_a_thread, stream, background, socket], logging_config=None))

    with TestClient(app) as client:
        session_id = client.get("/chat/orders").text
        for path in ("/in-a-thread", "/stream", "/background"):
            client.get(path)
        with client.websocket_connect("/socket") as connection:
            connection.send_text("hello")
            assert connection.receive_text() == session_id

    (session,) = captured.sessions
    traces: Any = session.traces
    assert session.id == session_id
    assert [(trace.name, trace.status, [said.value for said in trace.annotations]) for trace in traces] == [
        ("GET /chat/orders", "ok", ["orders"]),
        ("GET /in-a-thread", "ok", ["in a thread"]),
        ("GET /stream", "ok", ["one", "two"]),
        ("GET /background", "ok", ["afterwards"]),
        ("WEBSOCKET /socket", "ok", ["hello"]),
    ]


def test_untouched_request_changes_nothing(captured: Captured) -> None:
    """A response to an untouched request has the same headers as without us, and nothing is stored."""
    app: Any = Litestar([plain], logging_config=None)

    answers = [TestClient(each).get("/plain") for each in (app, ASGIMiddleware(app))]

    assert answers[0].headers == answers[1].headers
    assert captured.stats.captured == 0
