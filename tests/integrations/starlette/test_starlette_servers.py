"""Real servers: concurrent visitors, clients that leave, restarts, websockets, hostile input."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse as FastAPIStream
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

import baserun
from baserun.store import StoredSession, StoredTrace
from baserun.testing import Captured
from baserun_starlette import BaserunMiddleware

Hashed = Callable[[str], str]


def chat_app(call: Any, by_header: Any, **options: Any) -> Starlette:
    """An application with streams, plain answers, a thread pool and a websocket; prompts come from the request."""

    async def stream(request: Request) -> Response:
        prompt = request.query_params["q"]

        async def words() -> AsyncIterator[str]:
            for part in range(3):
                call(f"{prompt}/{part}")
                yield "x"
                await asyncio.sleep(random.random() / 50)

        return StreamingResponse(words(), media_type="text/event-stream")

    async def plain(request: Request) -> Response:
        call(request.query_params["q"] + "/a")
        await asyncio.sleep(random.random() / 50)
        await run_in_threadpool(call, request.query_params["q"] + "/b")
        return PlainTextResponse("x")

    def pool(request: Request) -> Response:
        call(request.query_params["q"])
        return PlainTextResponse("x")

    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            call(text)
            await socket.send_text("x")

    async def idle(request: Request) -> Response:
        return PlainTextResponse("x")

    return Starlette(
        routes=[
            Route("/stream", stream),
            Route("/plain", plain),
            Route("/pool", pool),
            Route("/idle", idle),
            WebSocketRoute("/socket", socket),
        ],
        middleware=[
            Middleware(BaserunMiddleware, **options),
            Middleware(AuthenticationMiddleware, backend=by_header),
        ],
    )


def calls_by_user(captured: Captured) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = defaultdict(list)
    for session in captured.sessions:
        for trace in traces_of(session):
            found[session.user_identifier] += [span.name for span in trace.spans or []]
    return found


def traces_of(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces


async def test_two_people_chat_at_once(
    captured: Captured, call: Any, by_header: Any, serving: Any, hashed: Hashed
) -> None:
    """Two users who read streamed answers at the same time have two sessions, each with the user's own calls."""
    with serving(chat_app(call, by_header)) as url:
        people = {
            name: httpx.AsyncClient(base_url=url, headers={"x-user": f"{name}@example.com"}) for name in ("ann", "bob")
        }
        for turn in range(3):
            await asyncio.gather(*(person.get(f"/stream?q={name}{turn}") for name, person in people.items()))
        for person in people.values():
            await person.aclose()

    assert len(captured.sessions) == 2
    assert calls_by_user(captured) == {
        hashed(f"{name}@example.com"): [f"chat {name}{turn}/{part}" for turn in range(3) for part in range(3)]
        for name in people
    }


async def test_two_hundred_requests_of_fifty_people(
    captured: Captured, call: Any, by_header: Any, serving: Any, hashed: Hashed
) -> None:
    """No call of 200 concurrent requests, half of them streams, is in a wrong session."""
    names = [f"user{n}" for n in range(50)]
    with serving(chat_app(call, by_header)) as url:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=60) as http:

            async def ask(name: str, kind: str, cookies: dict[str, str] | None = None) -> dict[str, str]:
                headers = {
                    "x-user": f"{name}@example.com",
                    "cookie": "; ".join(f"{k}={v}" for k, v in (cookies or {}).items()),
                }
                response = await http.get(f"/{kind}?q={name}:{kind}", headers=headers)
                assert response.status_code == 200
                return dict(response.cookies)

            cookies = dict(zip(names, await asyncio.gather(*(ask(name, "plain") for name in names)), strict=True))
            http.cookies.clear()
            kinds = ["stream", "plain", "stream", "pool"]
            await asyncio.gather(*(ask(name, kind, cookies[name]) for name in names for kind in kinds))

    assert len(captured.sessions) == 50
    expected = {"stream": 3, "plain": 2, "pool": 1}
    for session in captured.sessions:
        spans = [span.name for trace in traces_of(session) for span in trace.spans or []]
        (name,) = {span.removeprefix("chat ").partition(":")[0] for span in spans}
        assert session.user_identifier == hashed(f"{name}@example.com")
        assert len(spans) == expected["plain"] + sum(expected[kind] for kind in kinds)


async def test_after_a_restart_cookies_resume(call: Any, by_header: Any, serving: Any) -> None:
    """A server that is restarted without any configured secret resumes its sessions."""
    async with httpx.AsyncClient(headers={"x-user": "ann@example.com"}) as browser:
        for _ in range(2):
            with serving(chat_app(call, by_header)) as url:
                await browser.get(f"{url}/plain?q=x")
            baserun.shutdown()

    sessions = list(baserun.open_store(str(Path(".baserun/baserun.sqlite3"))).sessions())
    assert [session.traces for session in sessions] == [2]


async def test_a_client_that_leaves_a_stream(captured: Captured, call: Any, serving: Any) -> None:
    """When the client closes the connection during a stream, the trace is cancelled and has the calls made so far."""
    left = asyncio.Event()
    loop = asyncio.get_running_loop()

    async def stream(request: Request) -> Response:
        async def words() -> AsyncIterator[str]:
            try:
                for part in range(10_000):
                    if part < 2:
                        call(f"{part}")
                    yield "x" * 1000
                    await asyncio.sleep(0.005)
            finally:
                loop.call_soon_threadsafe(left.set)

        return StreamingResponse(words(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/", stream)], middleware=[Middleware(BaserunMiddleware)])
    with serving(app) as url:
        async with httpx.AsyncClient() as browser, browser.stream("GET", url) as response:
            pieces = response.aiter_raw()
            for _ in range(4):
                await anext(pieces)
        await asyncio.wait_for(left.wait(), 30)

    (trace,) = captured.traces
    assert trace.status == "cancelled"
    assert [span.name for span in trace.spans or []][:1] == ["chat 0"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the oldest uvicorn uses API that newer websockets deprecate
async def test_a_websocket_of_a_real_client(captured: Captured, call: Any, by_header: Any, serving: Any) -> None:
    """A connection is one trace; the cookie in its handshake's response resumes the session in the next one."""
    with serving(chat_app(call, by_header)) as url:
        cookie: str | None = None
        for word in ("one", "two"):
            headers = {"cookie": cookie} if cookie else {}
            async with connect(url.replace("http", "ws") + "/socket", additional_headers=headers) as socket:
                await socket.send(word)
                assert await socket.recv() == "x"
                assert socket.response is not None
                cookie = cookie or socket.response.headers["set-cookie"].partition(";")[0]

    (session,) = captured.sessions
    assert [trace.status for trace in traces_of(session)] == ["ok", "ok"]
    assert [trace.llm_calls for trace in traces_of(session)] == [1, 1]


async def test_what_was_recorded_is_stored_when_the_server_has_stopped(
    captured: Captured, call: Any, by_header: Any, serving: Any
) -> None:
    """After an orderly shutdown of the server nothing is left in the queue."""
    with serving(chat_app(call, by_header)) as url:
        async with httpx.AsyncClient() as browser:
            await browser.get(f"{url}/plain?q=x")

    assert baserun.stats().queued == 0


async def test_fastapi_streams(captured: Captured, call: Any, serving: Any) -> None:
    """A request to a streaming FastAPI endpoint is one trace with all its calls."""
    app = FastAPI()
    app.add_middleware(BaserunMiddleware)

    @app.get("/answers/{name}")
    async def answers(name: str) -> FastAPIStream:
        async def words() -> AsyncIterator[str]:
            call("one")
            yield "x"
            call("two")

        return FastAPIStream(words(), media_type="text/event-stream")

    with serving(app) as url:
        async with httpx.AsyncClient() as browser:
            for _ in range(2):
                await browser.get(f"{url}/answers/x")

    (session,) = captured.sessions
    assert [(trace.name, trace.llm_calls) for trace in traces_of(session)] == [("GET /answers/{name}", 2)] * 2


HOSTILE = [
    "x" * 1000,
    "\x01\x02",
    "a.b.c.d.e",
    "%00",
    "\xff\xfe",
    '"',
    "=;=;=",
    "baserun=" * 50,
    "../../etc/passwd",
    "1" * 600 + ".1..a.b",
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
async def test_hostile_cookies_and_headers(
    captured: Captured, call: Any, by_header: Any, serving: Any, value: str
) -> None:
    """Hostile values of our cookie and header cause no server error and resume no session."""
    with serving(chat_app(call, by_header)) as url:
        host, port = url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        raw = value.encode("latin-1").replace(b"\r", b"").replace(b"\n", b"")
        writer.write(
            b"GET /plain?q=x HTTP/1.1\r\nHost: x\r\nConnection: close\r\nBaserun-Session: %b\r\n"
            b"Cookie: baserun=%b; baserun=%b\r\n\r\n" % (raw, raw, raw[::-1])
        )
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.split(b" ", 2)[1] in (b"200", b"400")
    assert all(not session.previous_id for session in captured.sessions)
