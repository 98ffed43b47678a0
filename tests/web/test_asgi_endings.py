"""How the trace of a request ends: with the body, by an error, because the client left, or without an answer."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import anyio
import pytest

import baserun
from baserun.testing import Captured
from baserun.web import ASGIMiddleware

BACKENDS = ["asyncio", "trio"]
Message = MutableMapping[str, Any]

START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]}
PIECE: Message = {"type": "http.response.body", "body": b".", "more_body": True}
LAST: Message = {"type": "http.response.body", "body": b""}

HTTP = {"type": "http", "method": "GET", "path": "/chat", "headers": [], "asgi": {"spec_version": "2.3"}}
SOCKET = {"type": "websocket", "path": "/ws", "headers": [], "asgi": {"spec_version": "2.3"}}


async def nothing() -> Message:
    return {"type": "http.request", "body": b""}


async def gone() -> Message:
    return {"type": "http.disconnect"}


async def swallow(message: Message) -> None:
    await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_stream_ends_with_its_body(captured: Captured, call: Any, backend: str) -> None:
    """Calls made while the body is sent are in the trace, on asyncio and on trio."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        for word in ("one", "two"):
            call(word)
            await send(PIECE)
        await send(LAST)

    anyio.run(ASGIMiddleware(app), dict(HTTP), nothing, swallow, backend=backend)

    (trace,) = captured.traces
    assert ([span.name for span in trace.spans or []], trace.status) == (["chat one", "chat two"], "ok")


@pytest.mark.parametrize("backend", BACKENDS)
def test_work_after_the_body_is_inside(captured: Captured, call: Any, backend: str) -> None:
    """A call after the last piece of the body, as in a background task, is in the request's trace."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send(LAST)
        call("afterwards")

    anyio.run(ASGIMiddleware(app), dict(HTTP), nothing, swallow, backend=backend)

    (trace,) = captured.traces
    assert [span.name for span in trace.spans or []] == ["chat afterwards"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_request_that_is_cancelled(captured: Captured, call: Any, backend: str) -> None:
    """When the server cancels the application, at a timeout or shutdown, the trace is cancelled."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call()
        await anyio.sleep_forever()

    async def serve() -> None:
        with anyio.move_on_after(0.05) as limit:
            await ASGIMiddleware(app)(dict(HTTP), nothing, swallow)
        assert limit.cancelled_caught

    anyio.run(serve, backend=backend)

    assert [trace.status for trace in captured.traces] == ["cancelled"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_client_that_leaves_before_the_last_piece(captured: Captured, call: Any, backend: str) -> None:
    """When the application sees the client leave and returns in the middle of the body, the trace is cancelled."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        call()
        await send(PIECE)
        assert (await receive())["type"] == "http.disconnect"

    anyio.run(ASGIMiddleware(app), dict(HTTP), gone, swallow, backend=backend)

    assert [trace.status for trace in captured.traces] == ["cancelled"]


def test_a_client_that_leaves_while_a_piece_is_sent(captured: Captured, call: Any) -> None:
    """The OSError that a server raises for a client that has left (ASGI 2.4) passes, and the trace is cancelled."""

    async def send(message: Message) -> None:
        if message is PIECE:
            raise BrokenPipeError("gone")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        call()
        await send(PIECE)

    with pytest.raises(BrokenPipeError):
        anyio.run(ASGIMiddleware(app), dict(HTTP), nothing, send)

    assert [trace.status for trace in captured.traces] == ["cancelled"]


@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend"])
def test_a_client_that_leaves_after_a_file(captured: Captured, call: Any, kind: str) -> None:
    """A response that the server sends from a file itself is complete: a client that leaves then cancels nothing."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call()
        await send(START)
        await send({"type": kind})
        assert (await receive())["type"] == "http.disconnect"

    anyio.run(ASGIMiddleware(app), dict(HTTP), gone, swallow)

    assert [trace.status for trace in captured.traces] == ["ok"]


def test_a_client_that_leaves_after_the_last_piece(captured: Captured, call: Any) -> None:
    """A client that leaves after the whole body cancels nothing."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call()
        await send(START)
        await send(LAST)
        await receive()

    anyio.run(ASGIMiddleware(app), dict(HTTP), gone, swallow)

    assert [trace.status for trace in captured.traces] == ["ok"]


def test_an_application_without_an_answer(captured: Captured, call: Any) -> None:
    """For an application that returns without an answer we send none, and its trace has no status code."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call()

    anyio.run(ASGIMiddleware(app), dict(HTTP), nothing, send)

    assert sent == []
    assert [trace.metadata for trace in captured.traces] == [{"method": "GET"}]


def test_a_failed_answer_is_an_error(captured: Captured, call: Any) -> None:
    """A response with status 502 is an error although nothing was raised; one with 404 is not."""

    def answering(status: int) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            call()
            await send({"type": "http.response.start", "status": status})
            await send(LAST)

        return app

    for status in (404, 502):
        anyio.run(ASGIMiddleware(answering(status)), dict(HTTP), nothing, swallow)

    assert sorted((trace.metadata or {})["status_code"] for trace in captured.traces if trace.status == "ok") == [404]
    assert sorted((trace.metadata or {})["status_code"] for trace in captured.traces if trace.status == "error") == [
        502
    ]


def test_messages_of_other_kinds_pass(captured: Captured) -> None:
    """Messages of other types pass unchanged and in order."""
    messages: list[Message] = [
        {"type": "http.response.early_hint", "links": []},
        {"type": "http.response.push", "path": "/x", "headers": []},
        {"type": "http.response.debug", "info": {}},
        {"type": "http.response.start", "status": 200, "trailers": True},
        {"type": "http.response.body", "body": b""},
        {"type": "http.response.trailers", "headers": []},
        {"type": "http.response.zerocopysend", "file": 1},
        {"type": "http.response.pathsend", "path": "/x"},
    ]
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    anyio.run(ASGIMiddleware(app), dict(HTTP), nothing, send)

    assert all(a is b for a, b in zip(sent, messages, strict=True))


def test_the_body_of_the_request_is_not_read(captured: Captured) -> None:
    """The middleware never calls `receive`; the application gets every piece of the body once."""
    incoming: list[Message] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b"},
    ]
    got: list[Message] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        got.append(await receive())
        assert len(incoming) == 1
        got.append(await receive())

    anyio.run(ASGIMiddleware(app), dict(HTTP), receive, swallow)

    assert [message["body"] for message in got] == [b"a", b"b"]


def test_a_websocket_is_one_trace(captured: Captured, call: Any) -> None:
    """All calls of a connection are in one trace, which ends as ``ok`` when the client leaves."""

    def script(*messages: Message) -> Callable[[], Any]:
        left = list(messages)

        async def receive() -> Message:
            return left.pop(0)

        return receive

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        while (await receive())["type"] == "websocket.receive":
            call()

    said = {"type": "websocket.receive", "text": "hi"}
    anyio.run(ASGIMiddleware(app), dict(SOCKET), script(said, said, {"type": "websocket.disconnect"}), swallow)

    (trace,) = captured.traces
    assert (trace.name, trace.status, trace.llm_calls) == ("WEBSOCKET /ws", "ok", 2)


def test_a_client_that_leaves_a_websocket_in_the_middle_of_an_answer(captured: Captured, call: Any) -> None:
    """A websocket whose client leaves while the application sends ends as ``ok``, too."""

    class WebSocketDisconnect(Exception):
        """Named like the exception that Starlette raises then."""

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            raise OSError("nobody is there")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        call()
        try:
            await send({"type": "websocket.send", "text": "word"})
        except OSError as error:
            raise WebSocketDisconnect from error

    with pytest.raises(WebSocketDisconnect):
        anyio.run(ASGIMiddleware(app), dict(SOCKET), nothing, send)

    (trace,) = captured.traces
    assert (trace.status, trace.error) == ("ok", None)


@pytest.mark.parametrize(("version", "is_set"), [("2.0", False), ("2.1", True), (None, True)])
def test_a_websocket_carries_its_cookie_when_it_is_accepted(
    captured: Captured, call: Any, version: str | None, is_set: bool
) -> None:
    """A websocket's cookie is set in its acceptance, unless the server supports no headers there (ASGI 2.0)."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept", "subprotocol": "x"})
        call()

    anyio.run(ASGIMiddleware(app), {**SOCKET, "asgi": {"spec_version": version}}, nothing, send)

    assert sent[0]["subprotocol"] == "x"
    assert (b"set-cookie" in dict(sent[0].get("headers", ()))) is is_set


def test_a_websocket_that_is_refused(captured: Captured, call: Any) -> None:
    """A refused websocket that touches no session gets no cookie and stores nothing."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close", "code": 4000})

    anyio.run(ASGIMiddleware(app), dict(SOCKET), nothing, send)

    assert sent == [{"type": "websocket.close", "code": 4000}]
    assert baserun.stats().captured == 0
