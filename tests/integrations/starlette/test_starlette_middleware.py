"""Starlette with the middleware: all kinds of endpoints, streams, background tasks, mounts, other middleware."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.endpoints import HTTPEndpoint
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

import baserun
from baserun import Trace
from baserun.store import StoredSession, StoredTrace
from baserun.testing import Captured
from baserun_starlette import BaserunMiddleware

BACKENDS = ["asyncio", "trio"]


class Passing(BaseHTTPMiddleware):
    """Does nothing, but as a `BaseHTTPMiddleware` runs the application below it in another task."""

    async def dispatch(self, request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        return response


def application(*routes: Any, around: tuple[Middleware, ...] = (), below: tuple[Middleware, ...] = ()) -> Starlette:
    return Starlette(routes=routes, middleware=[*around, Middleware(BaserunMiddleware), *below])


@pytest.fixture
def chat(call: Callable[..., None]) -> Any:
    """An endpoint that makes one call and answers with the session's id."""

    async def chat(request: Request) -> Response:
        call()
        return PlainTextResponse(request.state.baserun_session.id)

    return chat


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_visitor_keeps_the_session(captured: Captured, chat: Any, backend: Any) -> None:
    """A browser's requests are in one session, in traces named by their route, on asyncio and trio."""
    with TestClient(application(Route("/chat/{name}", chat)), backend=backend) as browser:
        answers = {browser.get("/chat/ann").text, browser.get("/chat/bob?x=1").text}

    (session,) = captured.sessions
    assert answers == {session.id}
    assert [trace.name for trace in traces_of(session)] == ["GET /chat/{name}"] * 2
    assert traces_of(session)[0].metadata == {"method": "GET", "route": "/chat/{name}", "status_code": 200}


def test_two_visitors_have_two_sessions(captured: Captured, chat: Any) -> None:
    """Two browsers never share a session."""
    app = application(Route("/", chat))

    assert TestClient(app).get("/").text != TestClient(app).get("/").text


def test_an_unused_session_changes_nothing(captured: Captured) -> None:
    """A request that touches no session gets exactly the same response as without us."""

    async def index(request: Request) -> Response:
        return PlainTextResponse("hello", headers={"cache-control": "max-age=60", "vary": "Accept"})

    routes = [Route("/", index)]
    with_us, without = TestClient(application(*routes)).get("/"), TestClient(Starlette(routes=routes)).get("/")

    assert with_us.headers.raw == without.headers.raw
    assert captured.stats.captured == 0


def test_an_endpoint_in_the_thread_pool(captured: Captured, call: Any) -> None:
    """Calls in a plain endpoint, and in functions that an endpoint runs in threads, are in the session."""

    def plain(request: Request) -> Response:
        call("plain")
        return Response()

    async def handing(request: Request) -> Response:
        await run_in_threadpool(call, "pool")
        await asyncio.to_thread(call, "thread")
        return Response()

    browser = TestClient(application(Route("/plain", plain), Route("/handing", handing)))
    browser.get("/plain")
    browser.get("/handing")

    (session,) = captured.sessions
    assert [span.name for trace in traces_of(session) for span in trace.spans or []] == [
        "chat plain",
        "chat pool",
        "chat thread",
    ]


def test_first_touches_at_once_are_one(captured: Captured, call: Any) -> None:
    """Threads that touch the session at the same moment get the same session and the same trace."""

    async def endpoint(request: Request) -> Response:
        barrier = threading.Barrier(4)

        def touch() -> str:
            barrier.wait(10)
            call()
            return str(request.state.baserun_session.id)

        ids = await asyncio.gather(*(asyncio.to_thread(touch) for _ in range(4)))
        return PlainTextResponse(" ".join(set(ids)))

    answer = TestClient(application(Route("/", endpoint))).get("/").text

    (session,) = captured.sessions
    (trace,) = traces_of(session)
    assert (answer, trace.llm_calls, len(captured.traces)) == (session.id, 4, 1)


def test_a_thread_needs_propagate(captured: Captured, call: Any) -> None:
    """With `propagate` a call in a bare thread is in the request's trace."""

    async def endpoint(request: Request) -> Response:
        thread = threading.Thread(target=baserun.propagate(call))
        thread.start()
        thread.join()
        return Response()

    TestClient(application(Route("/", endpoint))).get("/")

    assert [trace.name for trace in captured.traces] == ["GET /"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_streamed_answer_is_in_the_session(captured: Captured, call: Any, backend: Any) -> None:
    """Calls of a stream, async or plain, are in the trace of its request, and the next request resumes the session."""

    async def words() -> AsyncIterator[str]:
        for word in ("one", "two"):
            call(word)
            yield word

    def plain_words() -> Iterator[str]:
        call("three")
        yield "three"

    async def stream(request: Request) -> Response:
        return StreamingResponse(words(), media_type="text/event-stream")

    async def plain_stream(request: Request) -> Response:
        return StreamingResponse(plain_words(), media_type="text/event-stream")

    with TestClient(application(Route("/a", stream), Route("/b", plain_stream)), backend=backend) as browser:
        assert browser.get("/a").text == "onetwo"
        assert browser.get("/b").text == "three"

    (session,) = captured.sessions
    assert {trace.name: [span.name for span in trace.spans or []] for trace in traces_of(session)} == {
        "GET /a": ["chat one", "chat two"],
        "GET /b": ["chat three"],
    }


def test_background_tasks_are_in_the_trace(captured: Captured, call: Any) -> None:
    """Calls of background tasks, async or plain, are in the request's trace."""

    async def later() -> None:
        call("later")

    async def endpoint(request: Request) -> Response:
        task = later if request.url.path == "/async" else call
        return PlainTextResponse("", background=BackgroundTask(task))

    browser = TestClient(application(Route("/async", endpoint), Route("/plain", endpoint)))
    browser.get("/async")
    browser.get("/plain")

    assert [(trace.name, trace.llm_calls) for trace in captured.traces] == [("GET /async", 1), ("GET /plain", 1)]


def test_a_background_task_that_fails(captured: Captured, call: Any) -> None:
    """The error of a background task passes unchanged, and the trace is an error."""

    async def later() -> None:
        call()
        raise LookupError("gone")

    async def endpoint(request: Request) -> Response:
        return PlainTextResponse("", background=BackgroundTask(later))

    with pytest.raises(LookupError):
        TestClient(application(Route("/", endpoint))).get("/")

    assert [trace.status for trace in captured.traces] == ["error"]


@pytest.mark.parametrize("is_touched", [True, False])
def test_a_task_that_outlives_the_request(captured: Captured, call: Any, is_touched: bool) -> None:
    """Its calls are in the session of its request, in finished traces of their own, and its logs are there too."""
    go = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def later() -> None:
        await go.wait()
        call("later")
        baserun.log("later, too")

    async def start(request: Request) -> Response:
        if is_touched:
            call("at once")
        tasks.append(asyncio.create_task(later()))
        return Response()

    async def finish(request: Request) -> Response:
        go.set()
        await tasks[0]
        return Response()

    with TestClient(application(Route("/start", start), Route("/finish", finish))) as browser:
        browser.get("/start")
        TestClient.get(browser, "/finish", headers={"cookie": ""})

    (session,) = captured.sessions
    names = ["GET /start", "chat later"] if is_touched else ["chat later"]
    assert [(trace.name, trace.status) for trace in traces_of(session)] == [(name, "ok") for name in names]
    of_traces = [note for trace in traces_of(session) for note in trace.annotations or []]
    assert [note.value for note in (*of_traces, *(session.annotations or []))] == ["later, too"]


@pytest.mark.filterwarnings(
    "ignore:.*async_generator object Request.stream:pytest.PytestUnraisableExceptionWarning"
)  # Starlette 0.46 leaves it open on trio
@pytest.mark.parametrize("where", ["around", "below", "both"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_base_http_middleware_changes_nothing(captured: Captured, call: Any, where: str, backend: Any) -> None:
    """With a `BaseHTTPMiddleware` above or below, which uses another task, sessions and traces are the same."""

    async def words() -> AsyncIterator[str]:
        call("stream")
        yield "x"

    async def endpoint(request: Request) -> Response:
        call("endpoint")
        return StreamingResponse(words(), background=BackgroundTask(call, "background"))

    passing = (Middleware(Passing),)
    app = application(
        Route("/", endpoint),
        around=passing if where != "below" else (),
        below=passing if where != "around" else (),
    )
    with TestClient(app, backend=backend) as browser:
        browser.get("/")
        browser.get("/")

    (session,) = captured.sessions
    for trace in traces_of(session):
        assert [span.name for span in trace.spans or []] == ["chat endpoint", "chat stream", "chat background"]
        assert trace.status == "ok"


def test_middleware_in_front_may_make_calls(captured: Captured, chat: Any, call: Any) -> None:
    """A call in a middleware below ours, before the routing, is in the request's trace, which is named by its route."""

    class Guard(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            call("moderation")
            response: Response = await call_next(request)
            return response

    TestClient(application(Route("/chat/{name}", chat), below=(Middleware(Guard),))).get("/chat/ann")

    (trace,) = captured.traces
    assert (trace.name, trace.llm_calls) == ("GET /chat/{name}", 2)


def test_mounted_applications(captured: Captured, chat: Any) -> None:
    """A route has the path of its mounts, and a second middleware below the mount does nothing."""
    inner = application(Route("/chat/{name}", chat))

    TestClient(application(Mount("/api", routes=[Mount("/v1", app=inner)]))).get("/api/v1/chat/ann")

    assert [trace.name for trace in captured.traces] == ["GET /api/v1/chat/{name}"]


def test_a_mounted_application_that_is_busy_before_its_routes(captured: Captured, chat: Any, call: Any) -> None:
    """A call in the middleware of a mounted application is in the request's trace, which is named by its route."""

    class Asking:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            call()
            await self.app(scope, receive, send)

    inner = Starlette(routes=[Route("/chat/{name}", chat)], middleware=[Middleware(Asking)])

    TestClient(application(Mount("/api", app=inner))).get("/api/chat/ann")

    (trace,) = captured.traces
    assert (trace.name, (trace.metadata or {})["route"]) == ("GET /api/chat/{name}", "/api/chat/{name}")


def test_a_mounted_application_of_another_framework(captured: Captured, call: Any) -> None:
    """If a mounted application has no Starlette routes, the trace is named by the path."""

    async def other(scope: Any, receive: Any, send: Any) -> None:
        call()
        await Response()(scope, receive, send)

    TestClient(application(Mount("/api", app=other))).get("/api/chat")

    (trace,) = captured.traces
    assert (trace.name, trace.metadata) == ("GET /api/chat", {"method": "GET", "status_code": 200})


def test_classes_as_endpoints(captured: Captured, call: Any) -> None:
    """The trace of an `HTTPEndpoint` is named by its route like any other."""

    class Chat(HTTPEndpoint):
        async def post(self, request: Request) -> Response:
            call((await request.json())["q"])
            return JSONResponse({})

    TestClient(application(Route("/chat", Chat))).post("/chat", json={"q": "why"})

    (trace,) = captured.traces
    assert (trace.name, [span.name for span in trace.spans or []]) == ("POST /chat", ["chat why"])


def test_unmatched_requests_are_named_by_method_and_path(captured: Captured) -> None:
    """If no route matches, the trace is named by method and path."""
    app = Starlette(middleware=[Middleware(BaserunMiddleware, record_requests="all")])

    TestClient(app).get("/nowhere")

    (trace,) = captured.traces
    assert (trace.name, trace.metadata) == ("GET /nowhere", {"method": "GET", "status_code": 404})


def test_redirects_carry_the_cookie(captured: Captured, chat: Any, call: Any) -> None:
    """A redirect carries the cookie: the page that it leads to is in the same session."""

    async def ask(request: Request) -> Response:
        call()
        return RedirectResponse("/chat", status_code=303)

    TestClient(application(Route("/ask", ask, methods=["POST"]), Route("/chat", chat))).post("/ask")

    (session,) = captured.sessions
    assert len(traces_of(session)) == 2


def test_an_error_passes_through(captured: Captured, call: Any) -> None:
    """An endpoint's error reaches Starlette's own handling unchanged, and the trace is an error."""
    error = LookupError("gone")

    async def endpoint(request: Request) -> Response:
        call()
        raise error

    with pytest.raises(LookupError) as raised:
        TestClient(application(Route("/", endpoint))).get("/")
    answer = TestClient(application(Route("/", endpoint)), raise_server_exceptions=False).get("/")

    assert raised.value is error
    assert (answer.status_code, answer.text) == (500, "Internal Server Error")
    assert [trace.status for trace in captured.traces] == ["error", "error"]


def test_outermost_it_sees_the_answer_to_an_error(captured: Captured, call: Any) -> None:
    """Wrapped around the whole application, the middleware records the status code that the visitor got."""

    async def endpoint(request: Request) -> Response:
        call()
        raise LookupError("gone")

    app = BaserunMiddleware(Starlette(routes=[Route("/", endpoint)]))
    answer = TestClient(app, raise_server_exceptions=False).get("/")

    (trace,) = captured.traces
    assert (trace.status, (trace.metadata or {})["status_code"]) == ("error", 500)
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_websocket_is_one_session_and_one_trace(captured: Captured, call: Any, backend: Any) -> None:
    """A websocket connection is one trace; the visitor's next connection resumes the session."""

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        async for text in socket.iter_text():
            call(text)
            await socket.send_text(socket.state.baserun_session.id)

    with TestClient(application(WebSocketRoute("/ws/{room}", endpoint)), backend=backend) as browser:
        with browser.websocket_connect("/ws/a") as socket:
            for word in ("one", "two"):
                socket.send_text(word)
                first = socket.receive_text()
            accepted: list[tuple[bytes, bytes]] = list(socket.extra_headers or [])
            (cookie,) = (value.decode() for key, value in accepted if key == b"set-cookie")
        with browser.websocket_connect("/ws/a", headers={"cookie": cookie.partition(";")[0]}) as socket:
            socket.send_text("three")
            assert socket.receive_text() == first

    (session,) = captured.sessions
    assert [(trace.name, trace.status, [span.name for span in trace.spans or []]) for trace in traces_of(session)] == [
        ("WEBSOCKET /ws/{room}", "ok", ["chat one", "chat two"]),
        ("WEBSOCKET /ws/{room}", "ok", ["chat three"]),
    ]


def test_a_websocket_that_fails_between_its_messages(captured: Captured, call: Any) -> None:
    """If each message has its own trace, a failure outside of them is recorded in a trace of the connection."""

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        with baserun.start_trace("message", new=True):
            call(await socket.receive_text())
        raise LookupError("gone")

    app = application(WebSocketRoute("/ws", endpoint))
    with pytest.raises(LookupError), TestClient(app).websocket_connect("/ws") as socket:
        socket.send_text("one")
        socket.receive_text()

    (session,) = captured.sessions
    assert [(trace.name, trace.status, trace.error and trace.error.type) for trace in traces_of(session)] == [
        ("WEBSOCKET /ws", "error", "LookupError"),
        ("message", "ok", None),
    ]


def chat_socket(call: Any) -> Any:
    """Return the endpoint of a chat whose messages are in sessions of the application's own, named by the visitor."""

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        async for conversation in socket.iter_text():
            try:
                async with baserun.with_session(session_identifier=conversation):
                    call()
                    if conversation == "broken":
                        raise LookupError("gone")
            except LookupError:
                pass
            trace = baserun.current_trace()
            await socket.send_text("" if trace is None else trace.id)

    return endpoint


def test_the_trace_of_a_message_ends_with_the_block_of_its_conversation(captured: Captured, call: Any) -> None:
    """It does not wait for the end of the connection, which may last for hours; a failure is that of its message."""
    told = []
    with TestClient(application(WebSocketRoute("/ws", chat_socket(call)))).websocket_connect("/ws") as socket:
        for conversation in ("one", "broken", "one"):
            socket.send_text(conversation)
            told.append(socket.receive_text())
        while_open = captured.traces

    assert [(trace.name, trace.session_id, trace.status, trace.llm_calls) for trace in while_open] == [
        ("WEBSOCKET /ws", "one", "ok", 1),
        ("WEBSOCKET /ws", "broken", "error", 1),
        ("WEBSOCKET /ws", "one", "ok", 1),
    ]
    assert [trace.id for trace in while_open] == told  # so a feedback token can be made after the block
    assert captured.traces == while_open


def test_a_long_connection_keeps_no_trace_of_its_earlier_messages(captured: Captured, call: Any) -> None:
    """The memory of a connection does not grow with the messages that it has answered."""
    kept = []
    with TestClient(application(WebSocketRoute("/ws", chat_socket(call)))).websocket_connect("/ws") as socket:
        for _ in range(2):
            for _ in range(20):
                socket.send_text("one")
                socket.receive_text()
            captured.flush()
            gc.collect()
            kept.append(sum(type(each) is Trace for each in gc.get_objects()))

    assert kept[1] <= kept[0]


def test_a_websocket_whose_visitor_leaves(captured: Captured, call: Any) -> None:
    """A visitor who closes the connection is no error, although Starlette raises an exception in the endpoint."""

    async def endpoint(socket: WebSocket) -> None:
        await socket.accept()
        call()
        await socket.receive_text()

    app = application(WebSocketRoute("/ws", endpoint))
    try:
        with TestClient(app).websocket_connect("/ws"):
            pass
    except WebSocketDisconnect:
        pass

    assert [trace.status for trace in captured.traces] == ["ok"]


def test_ending_the_session_in_an_endpoint(captured: Captured, chat: Any) -> None:
    """After an endpoint ends the session, the same browser gets a new one that is linked to none."""

    async def restart(request: Request) -> Response:
        request.state.baserun_session.end()
        return Response()

    browser = TestClient(application(Route("/chat", chat), Route("/restart", restart, methods=["POST"])))
    first = browser.get("/chat").text
    browser.post("/restart")

    assert not browser.cookies
    assert browser.get("/chat").text != first
    assert [(session.ended_at is None, session.previous_id) for session in captured.sessions] == [
        (False, None),
        (True, None),
    ]


def test_every_trace_of_a_request_is_named_by_its_route(captured: Captured) -> None:
    """If a request has two traces, also the one that a middleware began before the routing is named by the route."""

    class Logs(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            baserun.log("arrived")
            response: Response = await call_next(request)
            return response

    async def restart(request: Request) -> Response:
        request.state.baserun_session.end()
        baserun.log("begun anew")
        return Response()

    TestClient(application(Route("/restart/{topic}", restart), below=(Middleware(Logs),))).get("/restart/ships")

    assert [(trace.name, (trace.metadata or {})["route"]) for trace in captured.traces] == [
        ("GET /restart/{topic}", "/restart/{topic}"),
        ("GET /restart/{topic}", "/restart/{topic}"),
    ]


def test_the_name_that_an_application_gives_to_the_trace_stays(captured: Captured) -> None:
    """A name that the application gives to the trace before the routing is kept."""

    class Names(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            baserun.log("arrived")
            baserun.current_trace().name = "mine"  # type: ignore[union-attr]
            response: Response = await call_next(request)
            return response

    async def chat(request: Request) -> Response:
        return Response()

    TestClient(application(Route("/chat/{topic}", chat), below=(Middleware(Names),))).get("/chat/ships")

    assert [trace.name for trace in captured.traces] == ["mine"]


def test_a_request_inside_a_request(captured: Captured, chat: Any, call: Any) -> None:
    """A request that an endpoint makes to an application has its own session; afterwards the outer one is current."""
    inner = application(Route("/chat", chat))

    def endpoint(request: Request) -> Response:
        call("before")
        TestClient(inner).get("/chat")
        call("after")
        return Response()

    TestClient(application(Route("/", endpoint))).get("/")

    calls = {trace.name: [span.name for span in trace.spans or []] for trace in captured.traces}
    assert calls == {"GET /": ["chat before", "chat after"], "GET /chat": ["chat hello"]}
    assert len(captured.sessions) == 2


def traces_of(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces
