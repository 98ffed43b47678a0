"""Work around a view: requests inside it, threads that it starts, and functions that Flask runs after it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from flask import Flask, Response, copy_current_request_context, g, request, send_file, stream_with_context
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, create_environ, run_wsgi_app

import baserun
from baserun.testing import Captured
from baserun_flask import Baserun

MakeApp = Callable[..., Flask]
Call = Callable[..., object]


def _said(captured: Captured) -> list[list[str]]:
    return [[span.name for span in trace.spans or []] for trace in captured.traces]


def test_request_within_a_request(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """A request that a view makes to its own application has its own session, and afterwards the view's is current."""
    app = make_app()

    @app.get("/outer")
    def outer() -> str:
        call("before")
        app.test_client().post("/chat/inner")
        call("after")
        return str(g.baserun_session.id)

    answer = app.test_client().get("/outer")

    calls = {session.id == answer.text: session.llm_calls for session in captured.sessions}
    assert calls == {True: 2, False: 1}


def test_request_context_within_a_request(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """A `test_request_context` inside a view changes neither the route nor the `g` of the outer request."""
    app = make_app()

    @app.get("/outer")
    def outer() -> str:
        call("before")
        with app.test_request_context("/plain"):
            app.full_dispatch_request()
        return str(g.baserun_session.id)

    answer = app.test_client().get("/outer")

    (trace,) = captured.traces
    assert (trace.name, trace.session_id) == ("GET /outer", answer.text)


def test_work_in_a_pool_of_threads(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """`propagate` and Flask's `copy_current_request_context` combine: a pool thread has both session and request."""
    app = make_app()

    @app.get("/pool/<topic>")
    def pool(topic: str) -> str:
        @copy_current_request_context
        def work() -> str:
            call(topic)
            return str(request.path)

        with ThreadPoolExecutor(2) as executor:
            return executor.submit(baserun.propagate(work)).result(60)

    answer = app.test_client().get("/pool/orders")

    assert answer.text == "/pool/orders"
    assert _said(captured) == [["chat orders"]]
    assert captured.traces[0].session_id is not None


def test_a_thread_that_outlives_the_request(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """Of a request that recorded nothing before it ended, a thread's calls and logs are in the session all the same."""
    app = make_app()
    go = threading.Event()
    threads: list[threading.Thread] = []

    @app.get("/start")
    def start() -> str:
        @baserun.propagate
        def later() -> None:
            go.wait(60)
            call("later")
            baserun.log("later, too")

        threads.append(threading.Thread(target=later))
        threads[0].start()
        return "started"

    app.test_client().get("/start")
    go.set()
    threads[0].join(60)

    (session,) = captured.sessions
    (trace,) = captured.traces
    assert (trace.name, trace.status, trace.session_id) == ("chat later", "ok", session.id)
    assert [note.value for note in session.annotations or []] == ["later, too"]


def test_work_at_the_end_of_a_request(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """Calls in `after_request` and teardown functions are in the request's trace, in Flask's order."""
    app = make_app()
    app.teardown_request(lambda _: call("teardown"))  # type: ignore[type-var]
    app.teardown_appcontext(lambda _: call("appcontext"))  # type: ignore[type-var]

    @app.after_request
    def after(response: Response) -> Response:
        call("after")
        return response

    app.test_client().post("/chat/view")

    assert _said(captured) == [["chat view", "chat after", "chat teardown", "chat appcontext"]]


@pytest.mark.parametrize("before", [[], ["now"]])
def test_work_after_the_response(make_app: MakeApp, captured: Captured, call: Call, before: list[str]) -> None:
    """A call in `call_on_close`, after the response was sent, is in the request's trace."""
    app = make_app()

    @app.get("/later")
    def later() -> Response:
        for word in before:
            call(word)
        response = Response("whole")
        response.call_on_close(lambda: call("later"))
        return response

    pieces, _, _ = run_wsgi_app(app, create_environ("/later"))  # like a server, which reads the body and closes it
    whole = b"".join(pieces)
    pieces.close()  # type: ignore[attr-defined]

    assert whole == b"whole"
    assert _said(captured) == [[f"chat {word}" for word in (*before, "later")]]
    assert [(trace.name, trace.status) for trace in captured.traces] == [("GET /later", "ok")]


def test_session_ended_after_the_response(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """A call after the end of the session in `call_on_close` is in a new session, and in a finished trace of it."""
    app = make_app()

    @app.get("/later")
    def later() -> Response:
        session = g.baserun_session

        def close() -> None:
            call("last")
            session.end()
            call("first")

        call("now")
        response = Response("whole")
        response.call_on_close(close)
        return response

    pieces, _, _ = run_wsgi_app(app, create_environ("/later"))
    b"".join(pieces)
    pieces.close()  # type: ignore[attr-defined]

    assert sorted(_said(captured)) == [["chat first"], ["chat now", "chat last"]]
    assert [(trace.name, trace.status) for trace in captured.traces] == [("GET /later", "ok")] * 2
    assert len({trace.session_id for trace in captured.traces}) == 2


def test_teardown_that_raises(make_app: MakeApp, captured: Captured) -> None:
    """An exception in a teardown function passes unchanged, and the trace is an error."""
    app = make_app()
    failure = LookupError("nothing to tear down")

    @app.teardown_request
    def teardown(_: BaseException | None) -> None:
        raise failure

    with pytest.raises(LookupError) as raised:
        app.test_client().post("/chat/view")

    (trace,) = captured.traces
    assert raised.value is failure
    assert trace.status == "error"


def test_teardown_of_a_stream_with_context(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """With `stream_with_context`, calls in teardown functions after the body are in the request's session too."""
    app = make_app()
    app.teardown_request(lambda _: call("teardown"))  # type: ignore[type-var]

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            call("body")
            yield request.path

        return Response(stream_with_context(body()), mimetype="text/event-stream")

    answer = app.test_client().get("/stream")

    assert answer.text == "/stream"
    assert len(captured.sessions) == 1
    assert set(_said(captured)[0]) == {"chat body", "chat teardown"}
    assert captured.traces[0].status == "ok"


@pytest.mark.parametrize("is_ranged", [False, True])
@pytest.mark.parametrize("is_path", [False, True])
def test_files(
    make_app: MakeApp, captured: Captured, call: Call, tmp_path: Any, is_path: bool, is_ranged: bool
) -> None:
    """`send_file` of a path or an open file is sent whole or as a range, and the trace ends."""
    app = make_app()
    (tmp_path / "report.txt").write_bytes(b"the whole report")

    @app.get("/file")
    def file() -> Response:
        call("file")
        source = tmp_path / "report.txt" if is_path else BytesIO(b"the whole report")
        return send_file(source, "text/plain", conditional=True)

    answer = app.test_client().get("/file", headers={"Range": "bytes=4-8"} if is_ranged else {}, buffered=True)

    assert answer.data == (b"whole" if is_ranged else b"the whole report")
    assert [(trace.status, trace.llm_calls) for trace in captured.traces] == [("ok", 1)]


def test_body_that_passes_directly(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """A generator with `direct_passthrough` runs in the request's session too."""
    app = make_app()

    @app.get("/direct")
    def direct() -> Response:
        def body() -> Iterator[bytes]:
            call("direct")
            yield b"x"

        return Response(body(), mimetype="text/event-stream", direct_passthrough=True)

    answer = app.test_client().get("/direct", buffered=True)

    assert answer.data == b"x"
    assert _said(captured) == [["chat direct"]]


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_answers_without_a_body(make_app: MakeApp, captured: Captured, call: Call, method: str, status: int) -> None:
    """A response without a body has a complete trace, and carries the cookie unless it is a 304."""
    app = make_app()

    @app.get("/nothing")
    def nothing() -> Response:
        call("nothing")
        return Response((piece for piece in ["never", "read"]), status)

    answer = app.test_client().open("/nothing", method=method, buffered=True)

    assert answer.data == b""
    assert [trace.status for trace in captured.traces] == ["ok"]
    assert ("Set-Cookie" in answer.headers) is (status != 304)


def test_options_are_answered_by_flask(make_app: MakeApp, captured: Captured) -> None:
    """An OPTIONS request is answered by Flask, gets no cookie and is not recorded."""
    answer = make_app().test_client().options("/chat/orders")

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert captured.stats.captured == 0


def test_application_below_another(make_app: MakeApp, captured: Captured) -> None:
    """When two applications with the extension are nested, there is one trace, named by the inner one's route."""
    outer, inner = make_app(), make_app()
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/inner": inner.wsgi_app})  # type: ignore[method-assign]

    Client(outer).post("/inner/chat/x")

    assert [trace.name for trace in captured.traces] == ["POST /chat/<topic>"]


def test_application_mounted_within_the_session_of_another(captured: Captured, call: Call) -> None:
    """A mounted application with the extension uses the outer one's session: one session and one cookie."""
    outer, inner = Flask("outer"), Flask("inner")
    outer.secret_key = inner.secret_key = "a secret of the tests, long enough"
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/inner": inner})  # type: ignore[method-assign]
    for app in (outer, inner):
        Baserun(app)

    @inner.get("/ask/<topic>")
    def ask(topic: str) -> str:
        call(topic)
        return str(g.baserun_session.id)

    answer = outer.test_client().get("/inner/ask/orders")

    (session,) = captured.sessions
    assert (answer.text, captured.traces[0].name) == (session.id, "GET /ask/<topic>")
    assert len(answer.headers.getlist("Set-Cookie")) == 1
