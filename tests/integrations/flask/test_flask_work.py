"""Work around a view: other requests in it, threads that it starts, and what Flask runs when it is over."""

from __future__ import annotations

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
    """A view that asks its own application is in two sessions, by the cookies of each, and in its own one after."""
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
    """A request that Flask handles without a server, within one that has one, leaves that one's route and `g` alone."""
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
    """`propagate` takes the session along, Flask's `copy_current_request_context` the request; both go together."""
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


def test_work_at_the_end_of_a_request(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """Functions that Flask calls after a view and when it lets its context go are inside, in Flask's order."""
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
    """What a view leaves to be done when the response has been sent is in the request's trace."""
    app = make_app()

    @app.get("/later")
    def later() -> Response:
        for word in before:
            call(word)
        response = Response("whole")
        response.call_on_close(lambda: call("later"))
        return response

    pieces, _, _ = run_wsgi_app(app, create_environ("/later"))  # as a server does, which reads all of it and closes it
    whole = b"".join(pieces)
    pieces.close()  # type: ignore[attr-defined]

    assert whole == b"whole"
    assert _said(captured) == [[f"chat {word}" for word in (*before, "later")]]
    assert [(trace.name, trace.status) for trace in captured.traces] == [("GET /later", "ok")]


def test_teardown_that_raises(make_app: MakeApp, captured: Captured) -> None:
    """What a function at the end raises passes as it would without us, and the trace says so."""
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
    """Where Flask keeps its context for the body, what it calls when it lets go is in the request's session too."""
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
    """`send_file` of a path and of an open file pass whole and in parts, and the trace ends."""
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
    """A generator that Werkzeug is told to pass on as it is runs in the request's session nevertheless."""
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
    """What has no body is a whole trace, and only what says nothing new to a cache comes without a cookie."""
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
    """A preflight touches nothing, since browsers send no cookies with it."""
    answer = make_app().test_client().options("/chat/orders")

    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert captured.stats.captured == 0


def test_application_below_another(make_app: MakeApp, captured: Captured) -> None:
    """Of two applications that were both set up, the outer one's session counts, and the inner one names the trace."""
    outer, inner = make_app(), make_app()
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/inner": inner.wsgi_app})  # type: ignore[method-assign]

    Client(outer).post("/inner/chat/x")

    assert [trace.name for trace in captured.traces] == ["POST /chat/<topic>"]


def test_application_mounted_within_the_session_of_another(captured: Captured, call: Call) -> None:
    """What is mounted below an application of ours, inside of it, is in the outer one's session: one cookie."""
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
