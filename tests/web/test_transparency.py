"""Transparency: whatever the application or the server does, the other sees the same as without our middleware."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import baserun
from baserun.testing import capture
from baserun.web import ASGIMiddleware, WSGIMiddleware

OURS = ("set-cookie", "vary", "cache-control")
SETTINGS = settings(max_examples=200)


class Boom(Exception):
    """An error of the application."""


class Seen(NamedTuple):
    """Events between server and application in their order, and the error raised."""

    events: list[Any]
    raised: str | None


# Steps of an application; some sequences break the ASGI rules, which is for the server to report.
START = st.fixed_dictionaries(
    {
        "type": st.just("http.response.start"),
        "status": st.sampled_from([200, 204, 206, 304, 404, 500]),
        "headers": st.lists(
            st.sampled_from([(b"content-type", b"text/event-stream"), (b"x-a", b"1"), (b"X-A", b"2"), (b"etag", b"e")]),
            max_size=3,
        ),
    }
)
MESSAGE = st.one_of(
    START,
    st.just({"type": "http.response.start", "status": 200}),
    st.builds(lambda more: {"type": "http.response.body", "body": b".", "more_body": more}, st.booleans()),
    st.just({"type": "http.response.body"}),
    st.just({"type": "http.response.trailers", "headers": []}),
    st.just({"type": "http.response.early_hint", "links": []}),
)
STEP = st.one_of(
    MESSAGE, st.sampled_from(["receive", "log", "raise", "cancel", "leave", "base"])
)  # fmt: skip
ERRORS = {"raise": Boom("x"), "cancel": asyncio.CancelledError(), "leave": OSError("gone"), "base": KeyboardInterrupt()}


async def play(steps: list[Any], wrap: Callable[[Any], Any], fails_at: int, *, touches: bool) -> Seen:
    """Run an application that takes these steps, under a server whose send raises if it is event number `fails_at`."""
    events: list[Any] = []

    async def receive() -> Any:
        received = sum(event == "received" for event in events)
        events.append("received")
        return {"type": "http.disconnect"} if received else {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        events.append(plain(message))
        if len(events) == fails_at:
            raise OSError("nobody is there")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for step in steps:
            if isinstance(step, dict):
                await send(step)
            elif step == "receive":
                await receive()
            elif step == "log":
                if touches:
                    baserun.log("something")
            else:
                raise ERRORS[step]

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "asgi": {"spec_version": "2.4"}}
    try:
        await wrap(app)(scope, receive, send)
    except BaseException as error:
        return Seen(events, repr(error))
    return Seen(events, None)


def plain(message: Any) -> Any:
    """Return the message without the headers that a session adds."""
    if not message["type"].endswith("start"):
        return dict(message)
    headers = [(key, value) for key, value in message.get("headers") or () if key.decode() not in OURS]
    return {**message, "headers": headers}


@SETTINGS
@given(steps=st.lists(STEP, max_size=8), fails_at=st.integers(0, 6), touches=st.booleans())
def test_asgi(steps: list[Any], fails_at: int, touches: bool) -> None:
    """Messages, their order and failures of either side are as without us, and a touched request has one trace."""
    without = asyncio.run(play(steps, lambda app: app, fails_at, touches=False))
    with capture(instrument="none", secret="a secret of the tests") as captured:
        with_us = asyncio.run(play(steps, ASGIMiddleware, fails_at, touches=touches))

        assert with_us == without
        is_live = any(trace.annotations for trace in captured.traces)
        assert len(captured.traces) == is_live
        assert all(trace.status in ("ok", "error", "cancelled") for trace in captured.traces)
        assert captured.stats.dropped == {}
        assert baserun.current_session() is None


class Body:
    """A body of pieces, some of which may raise; notes its close."""

    def __init__(self, pieces: list[Any], events: list[Any], *, touches: bool) -> None:
        self._pieces = iter(pieces)
        self._events = events
        self._touches = touches

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        if self._touches:
            baserun.log("something")
        if piece is Boom:
            raise Boom("in the body")
        assert isinstance(piece, bytes)
        return piece

    def close(self) -> None:
        self._events.append("closed")


class Plan(NamedTuple):
    """What a WSGI application does, and how many pieces of its body the server takes."""

    starts: bool
    raises: bool
    kind: str
    pieces: list[Any]
    taken: int
    closes: bool


PLAN = st.builds(
    Plan,
    starts=st.booleans(),
    raises=st.booleans(),
    kind=st.sampled_from(["list", "body", "generator"]),
    pieces=st.lists(st.sampled_from([b"", b".", b"..", Boom]), max_size=4),
    taken=st.integers(0, 6),
    closes=st.booleans(),
)


def serve(plan: Plan, wrap: Callable[[Any], Any], *, touches: bool) -> Seen:
    """Run an application by this plan, and take as many pieces of its body as the plan says."""
    events: list[Any] = []

    def start_response(status: str, headers: Any, *exc_info: Any) -> Any:
        events.append((status, [pair for pair in headers if pair[0].lower() not in OURS], exc_info))
        return events.append

    def app(environ: Any, start_response: Any) -> Any:
        if touches:
            baserun.log("something")
        if plan.starts:
            start_response("200 OK", [("Content-Type", "text/event-stream"), ("X-A", "1")])
        if plan.raises:
            raise Boom("in the application")
        body = Body(plan.pieces, events, touches=touches)
        if plan.kind == "list":
            return [piece for piece in plan.pieces if piece is not Boom]
        return body if plan.kind == "body" else (piece for piece in body)

    raised = None
    try:
        answer = wrap(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, start_response)
        try:
            pieces = iter(answer)
            for _ in range(plan.taken):
                events.append(next(pieces, "the end"))
        finally:
            if plan.closes and hasattr(answer, "close"):
                answer.close()
    except Boom as error:
        raised = repr(error)
    return Seen(events, raised)


@SETTINGS
@given(plan=PLAN, touches=st.booleans())
def test_wsgi(plan: Plan, touches: bool) -> None:
    """Pieces, headers, failures and closing are as without us, and a touched request has one finished trace."""
    without = serve(plan, lambda app: app, touches=False)
    with capture(instrument="none", secret="a secret of the tests") as captured:
        with_us = serve(plan, WSGIMiddleware, touches=touches)

        assert with_us == without
        assert len(captured.traces) == touches
        assert all(trace.status in ("ok", "error", "cancelled") for trace in captured.traces)
        assert captured.stats.dropped == {}
        assert baserun.current_session() is None
