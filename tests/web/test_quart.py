"""Quart below the plain ASGI middleware, as ``docs/other-frameworks.md`` promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from quart import Quart, Response, websocket

import baserun
from baserun.testing import Captured
from baserun.web import ASGIMiddleware


def make_app() -> Quart:
    """Make an application with a view of each kind."""
    app = Quart("tests_of_quart")

    @app.get("/chat/<topic>")
    async def chat(topic: str) -> str:
        baserun.log(topic)
        session = baserun.current_session()
        assert session is not None
        return session.id

    @app.get("/in-a-thread")
    def in_a_thread() -> str:
        baserun.log("in a thread")
        return ""

    @app.get("/stream")
    async def stream() -> Response:
        async def body() -> AsyncIterator[bytes]:
            for word in ("one", "two"):
                baserun.log(word)
                yield word.encode()

        return Response(body(), mimetype="text/event-stream")

    @app.get("/background")
    async def background() -> str:
        async def afterwards() -> None:
            baserun.log("afterwards")

        app.add_background_task(afterwards)
        return ""

    @app.get("/plain")
    async def plain() -> str:
        return "nothing happens here"

    @app.websocket("/socket")
    async def socket() -> None:
        baserun.log(await websocket.receive())
        await websocket.send("answer")

    return app


async def test_requests_of_one_browser_are_one_session(captured: Captured) -> None:
    """Coroutines, threads, streams, background tasks and websockets are in the session of their visitor."""
    app = make_app()
    app.asgi_app = ASGIMiddleware(app.asgi_app)  # type: ignore[method-assign]

    async with app.test_app():
        client = app.test_client()
        session_id = await (await client.get("/chat/orders")).get_data(as_text=True)
        for path in ("/in-a-thread", "/stream"):
            await (await client.get(path)).get_data()
        async with client.websocket("/socket") as connection:
            await connection.send("hello")
            assert await connection.receive() == "answer"
        await client.get("/background")

    (session,) = captured.sessions
    traces: Any = session.traces
    assert session.id == session_id
    said = {trace.name: [said.value for said in trace.annotations] for trace in traces}
    assert said.pop("GET /background", ["afterwards"]) == ["afterwards"]
    assert said == {
        "GET /chat/orders": ["orders"],
        "GET /in-a-thread": ["in a thread"],
        "GET /stream": ["one", "two"],
        "WEBSOCKET /socket": ["hello"],
    }


async def test_untouched_request_changes_nothing(captured: Captured) -> None:
    """A response to an untouched request has the same headers as without us, and nothing is stored."""
    without, with_us = make_app(), make_app()
    with_us.asgi_app = ASGIMiddleware(with_us.asgi_app)  # type: ignore[method-assign]

    answers = [await app.test_client().get("/plain") for app in (without, with_us)]

    assert list(answers[0].headers) == list(answers[1].headers)
    assert captured.stats.captured == 0
