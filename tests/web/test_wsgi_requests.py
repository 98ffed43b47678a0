"""The plain WSGI middleware, also under the standard library's validator."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from asgiref.wsgi import WsgiToAsgi

import baserun
from baserun._context import current
from baserun.exceptions import ConfigurationError
from baserun.store import StoredSession, StoredTrace
from baserun.testing import Captured
from baserun.web import ASGIMiddleware, WSGIMiddleware

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Answered:
    """The response of a WSGI application."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.exc_info: list[object] = []
        self.body = b""

    def start_response(self, status: str, headers: list[tuple[str, str]], *exc_info: object) -> Any:
        self.status, self.headers = status, headers
        self.exc_info = list(exc_info)
        return lambda data: None

    @property
    def cookie(self) -> str | None:
        return next((value.partition(";")[0] for name, value in self.headers if name == "Set-Cookie"), None)


def environ(**more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(made)
    return made | more


def ask(app: Any, **more: Any) -> Answered:
    answered = Answered()
    body = app(environ(**more), answered.start_response)
    try:
        answered.body = b"".join(body)
    finally:
        if hasattr(body, "close"):
            body.close()
    return answered


def answering(make_body: Callable[[], Iterable[bytes]]) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = make_body()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return body

    return app


def test_is_valid_wsgi(captured: Captured, call: Any) -> None:
    """The middleware passes the WSGI validator on both sides, for several kinds of body."""
    bodies: list[Callable[[], Iterable[bytes]]] = [lambda: [b"x"], lambda: iter([b"x", b"y"]), lambda: call() or [b"x"]]

    answers = [ask(validator(WSGIMiddleware(validator(answering(body))))) for body in bodies]

    assert [answer.body for answer in answers] == [b"x", b"xy", b"x"]


def test_untouched_request_leaves_no_trace(captured: Captured) -> None:
    """A request that touches no session gets the application's own body object and headers, and nothing is stored."""
    body = [b"hello"]
    answered = Answered()

    assert WSGIMiddleware(answering(lambda: body))(environ(), answered.start_response) is body
    assert answered.headers == [("Content-Type", "text/plain")]
    assert captured.stats.captured == 0


def test_the_cookie_resumes(captured: Captured, call: Any) -> None:
    """A call gives the request a session, and the cookie resumes it."""
    app = WSGIMiddleware(answering(lambda: call() or [b"x"]))
    first = ask(app, PATH_INFO="/chat", REQUEST_METHOD="POST")

    second = ask(app, HTTP_COOKIE=f"a=1; {first.cookie}")

    (session,) = captured.sessions
    assert [trace.name for trace in traces_of(session)] == ["POST /chat", "GET /"]
    assert ("Vary", "Cookie") in first.headers
    assert ("Cache-Control", "private") in first.headers
    assert second.cookie is None


def test_the_header_resumes(captured: Captured, call: Any) -> None:
    """A token in the header resumes the session."""
    app = WSGIMiddleware(answering(lambda: call() or [b"x"]), send_session_header=True)
    first = dict(ask(app).headers)

    ask(app, HTTP_BASERUN_SESSION=first["Baserun-Session"])

    assert len(captured.sessions) == 1


def test_a_streamed_body_is_in_the_session(captured: Captured, call: Any) -> None:
    """Calls made while the body is produced are in the request's trace, and between its pieces nothing is current."""
    between: list[object] = []

    def body() -> Iterator[bytes]:
        for word in ("one", "two"):
            call(word)
            yield word.encode()

    pieces = iter(WSGIMiddleware(answering(body))(environ(PATH_INFO="/chat"), Answered().start_response))
    for _ in pieces:
        between.append(current())

    (trace,) = captured.traces
    assert [span.name for span in trace.spans or []] == ["chat one", "chat two"]
    assert (trace.name, trace.status, between) == ("GET /chat", "ok", [None, None])


def test_bodies_by_turns_do_not_mix(captured: Captured, call: Any) -> None:
    """Bodies whose pieces a server takes by turns on one thread record in their own traces."""

    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        for step in "123":
            call(environ["PATH_INFO"] + step)
            yield b"."

    wrapped = WSGIMiddleware(app)
    bodies = [iter(wrapped(environ(PATH_INFO=path), Answered().start_response)) for path in ("/a", "/b")]
    for _ in range(4):
        for body in bodies:
            next(body, None)

    spans = {trace.name: [span.name for span in trace.spans or []] for trace in captured.traces}
    assert spans == {
        "GET /a": ["chat /a1", "chat /a2", "chat /a3"],
        "GET /b": ["chat /b1", "chat /b2", "chat /b3"],
    }
    assert len(captured.sessions) == 2


def test_a_body_that_fails(captured: Captured, call: Any) -> None:
    """An error in the middle of the body passes unchanged, and the trace is an error."""
    error = LookupError("gone")

    def body() -> Iterator[bytes]:
        call()
        yield b"x"
        raise error

    with pytest.raises(LookupError) as raised:
        ask(WSGIMiddleware(answering(body)))

    assert raised.value is error
    assert captured.traces[0].status == "error"


def test_a_client_that_leaves(captured: Captured, call: Any) -> None:
    """The trace of a body closed in the middle is cancelled, and the body's clean-up runs in the session."""
    closed: list[object] = []

    def body() -> Iterator[bytes]:
        try:
            call()
            yield b"x"
            yield b"y"
        finally:
            closed.append(baserun.current_session())

    pieces: Any = WSGIMiddleware(answering(body))(environ(), Answered().start_response)
    next(pieces)
    pieces.close()
    pieces.close()

    assert [trace.status for trace in captured.traces] == ["cancelled"]
    assert closed[0] is not None


def test_a_body_that_is_closed_unread_is_not_cancelled(captured: Captured, call: Any) -> None:
    """A body that is closed without being read, as for HEAD or 304, ends the trace as ``ok``."""

    def body() -> Iterator[bytes]:
        yield b"x"

    pieces: Any = WSGIMiddleware(answering(lambda: call() or body()))(environ(), Answered().start_response)
    pieces.close()

    assert [trace.status for trace in captured.traces] == ["ok"]


def test_a_body_that_is_never_closed(captured: Captured, call: Any) -> None:
    """The trace of a body that the server never closes ends when the body is garbage-collected."""
    pieces: Any = WSGIMiddleware(answering(lambda: call() or iter([b"x"])))(environ(), Answered().start_response)
    del pieces
    gc.collect()

    assert [trace.status for trace in captured.traces] == ["ok"]


def test_an_error_before_the_body(captured: Captured, call: Any) -> None:
    """An exception of the application passes, and the trace is an error."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        call()
        raise LookupError("gone")

    with pytest.raises(LookupError):
        ask(WSGIMiddleware(app))

    assert captured.traces[0].status == "error"
    assert current() is None


def test_start_response_a_second_time(captured: Captured, call: Any) -> None:
    """A second `start_response` for an error page passes on its `exc_info`, and the trace has its status."""

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        call()
        start_response("200 OK", [])
        try:
            raise LookupError("gone")
        except LookupError as error:
            start_response("500 Oh", [], (LookupError, error, None))
        return [b"x"]

    answered = ask(WSGIMiddleware(app))

    assert (answered.status, len(answered.exc_info), answered.cookie) == ("500 Oh", 1, None)
    (trace,) = captured.traces
    assert (trace.status, trace.metadata) == ("error", {"method": "GET", "status_code": 500})


def test_a_file_goes_the_servers_way(captured: Captured, tmp_path: Any) -> None:
    """The server gets its own `wsgi.file_wrapper` object back, so that it can send the file itself."""
    (tmp_path / "file").write_bytes(b"content")

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        wrapped: Iterable[bytes] = environ["wsgi.file_wrapper"]((tmp_path / "file").open("rb"))
        return wrapped

    body: Any = WSGIMiddleware(app)(environ(**{"wsgi.file_wrapper": FileWrapper}), Answered().start_response)

    assert isinstance(body, FileWrapper)
    body.close()


def test_mounted_twice_acts_once(captured: Captured, call: Any) -> None:
    """Two nested middlewares make one trace and one cookie."""
    answered = ask(WSGIMiddleware(WSGIMiddleware(answering(lambda: call() or [b"x"]))))

    assert len(captured.traces) == 1
    assert [name for name, _ in answered.headers].count("Set-Cookie") == 1


def test_below_the_asgi_middleware_acts_once(captured: Captured, call: Any) -> None:
    """Below our ASGI middleware the WSGI middleware records nothing itself."""
    ask(WSGIMiddleware(answering(lambda: [b"x"])), **{"asgi.scope": {"baserun": object()}})

    assert captured.stats.captured == 0


def test_an_excluded_request_is_left_alone(captured: Captured) -> None:
    """An excluded path, which includes `SCRIPT_NAME`, has no session."""
    seen: list[object] = []

    def look() -> list[bytes]:
        seen.append(baserun.current_session())
        return []

    app = WSGIMiddleware(answering(lambda: look() or [b""]), excluded=["/app/health"])

    ask(app, SCRIPT_NAME="/app", PATH_INFO="/health")
    ask(app, PATH_INFO="/health")

    assert [session is None for session in seen] == [True, False]


def test_a_function_of_excluded_that_fails(captured: Captured, call: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A request is answered and recorded when the function given as `excluded` raises for its path."""

    def excluded(path: str) -> bool:
        raise LookupError(path)

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        call()
        start_response("200 OK", [])
        return [b"ok"]

    answered = ask(WSGIMiddleware(app, excluded=excluded))

    assert answered.body == b"ok"
    assert len(captured.sessions) == 1
    assert "asking `excluded` about a path" in caplog.text


async def later(environ: Any, start_response: Any) -> list[bytes]:
    return []


class Later:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize("wrong", [None, 3, "app", later, Later(), lambda scope, receive, send: None])
def test_no_wsgi_application(wrong: Any) -> None:
    """What is no WSGI application is refused at once, with what to use for ASGI."""
    with pytest.raises(
        ConfigurationError, match=r"called with \(environ, start_response\); for an ASGI .*ASGIMiddleware"
    ):
        WSGIMiddleware(wrong)


def test_applications_that_show_nothing_of_their_arguments() -> None:
    """A class, and a proxy that has no object yet, can be a WSGI application."""

    class Body:
        def __init__(self, environ: Any, start_response: Any) -> None: ...

        def __iter__(self) -> Iterator[bytes]:
            return iter([])

    class Proxy:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("working outside of application context")

        def __call__(self, *arguments: Any) -> Any:
            return []

    for app in (Body, Proxy()):
        assert WSGIMiddleware(app).app is app


def test_an_excluded_path_is_written_as_people_write_it(captured: Captured, call: Any) -> None:
    """A path with non-ASCII characters can be excluded by its name, although the environ has its bytes."""
    app = WSGIMiddleware(answering(lambda: call() or [b""]), excluded=["/größe"])

    ask(app, PATH_INFO="/größe".encode().decode("latin-1"))

    assert [trace.session_id for trace in captured.traces] == [None]


def test_the_session_is_in_the_environ(captured: Captured) -> None:
    """The session is in the environ as ``baserun.session``."""
    seen: list[bool] = []

    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        seen.append(environ["baserun.session"] is baserun.current_session())
        start_response("200 OK", [])
        return [b""]

    ask(WSGIMiddleware(app))

    assert seen == [True]


def test_names_are_read_as_utf_8(captured: Captured, call: Any) -> None:
    """Traces are named after the path decoded as UTF-8, with replacement characters for invalid bytes."""
    app = WSGIMiddleware(answering(lambda: call() or [b""]))

    ask(app, PATH_INFO="/\u00fc".encode().decode("latin-1"))
    ask(app, PATH_INFO="/\xff")

    assert {trace.name for trace in captured.traces} == {"GET /\u00fc", "GET /\ufffd"}


def traces_of(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces


async def test_below_asgirefs_bridge(captured: Captured, call: Any) -> None:
    """A WSGI application behind asgiref's bridge and our ASGI middleware gets one trace and one cookie."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    bridge: Any = WsgiToAsgi
    scope = {"type": "http", "method": "GET", "path": "/w", "headers": [], "query_string": b"", "root_path": ""}
    app: Any = ASGIMiddleware(bridge(WSGIMiddleware(answering(lambda: call() or [b"x"]))))
    await app(scope | {"http_version": "1.1", "server": ("x", 80), "scheme": "http"}, receive, send)

    (trace,) = captured.traces
    assert (trace.name, trace.llm_calls) == ("GET /w", 1)
    assert [key for key, _ in sent[0]["headers"]].count(b"set-cookie") == 1
