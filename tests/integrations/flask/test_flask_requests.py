"""Requests of Flask applications: their session, and what is recorded."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, current_app, g, send_file, stream_with_context

import baserun
from baserun.testing import Captured, FakeClock
from baserun_flask import Baserun

MakeApp = Callable[..., Flask]
Call = Callable[..., object]


def test_requests_of_one_browser_are_one_session(make_app: MakeApp, captured: Captured) -> None:
    """The cookie set by the first response brings the second request into the same session."""
    client = make_app().test_client()

    first = client.post("/chat/orders")
    client.post("/chat/refunds")

    assert first.headers["Set-Cookie"].startswith("baserun=")
    (session,) = captured.sessions
    assert session.turns == 2


def test_trace_is_named_by_its_route(make_app: MakeApp, captured: Captured) -> None:
    """A trace is named by the rule of its route, not the path; method and status code are in its metadata."""
    make_app().test_client().post("/chat/orders")

    (trace,) = captured.traces

    assert (trace.name, trace.kind, trace.status) == ("POST /chat/<topic>", "request", "ok")
    assert trace.metadata == {"method": "POST", "route": "/chat/<topic>", "status_code": 200}


def test_untouched_request_leaves_no_trace(make_app: MakeApp, captured: Captured) -> None:
    """A request in which nothing is recorded gets no cookie and no Vary, and nothing is stored."""
    answer = make_app().test_client().get("/plain")

    assert "Set-Cookie" not in answer.headers
    assert "Vary" not in answer.headers
    assert captured.stats.captured == 0


def test_response_with_the_cookie_is_private(make_app: MakeApp) -> None:
    """A response with the cookie forbids shared caches to give it to another visitor."""
    answer = make_app().test_client().post("/chat/orders")

    assert "Cookie" in answer.headers["Vary"]
    assert "private" in answer.headers["Cache-Control"]


def test_view_finds_the_session_in_g(make_app: MakeApp, captured: Captured) -> None:
    """``g.baserun_session`` is the session of the request, and reading its id touches it."""
    app = make_app()

    @app.get("/who")
    def who() -> str:
        return str(g.baserun_session.id)

    answer = app.test_client().get("/who")

    (session,) = captured.sessions
    assert answer.text == session.id


def test_call_while_the_body_is_produced(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """A generator without Flask's context makes its calls in the request's session; the trace ends with the body."""
    app = make_app()

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            call("one")
            yield "one"
            call("two")
            yield "two"

        return Response(body(), mimetype="text/event-stream")

    answer = app.test_client().get("/stream")

    assert answer.text == "onetwo"
    (trace,) = captured.traces
    assert [span.name for span in trace.spans or []] == ["chat one", "chat two"]
    assert trace.status == "ok"
    assert baserun.current_session() is None


def test_stream_with_context(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """With `stream_with_context`, which tears Flask's context down after the body, the trace still ends once."""
    app = make_app()

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            call("inside")
            yield str(g.baserun_session.id)

        return Response(stream_with_context(body()), mimetype="text/event-stream")

    answer = app.test_client().get("/stream")

    (session,) = captured.sessions
    assert answer.text == session.id
    assert [trace.llm_calls for trace in captured.traces] == [1]


def test_live_stream_carries_a_cookie_before_anything_happened(make_app: MakeApp, call: Call) -> None:
    """A live stream carries the cookie, although its headers are sent before its calls are made."""
    app = make_app()

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            call()
            yield "data: x\n\n"

        return Response(body(), mimetype="text/event-stream")

    answer = app.test_client().get("/stream")

    assert answer.headers["Set-Cookie"].startswith("baserun=")
    answer.close()


def test_client_that_leaves_a_stream(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """When the body is closed before its end, the trace is cancelled."""
    app = make_app()

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            call()
            yield "one"
            yield "two"

        return Response(body(), mimetype="text/event-stream")

    answer = app.test_client().get("/stream", buffered=False)
    next(answer.iter_encoded())
    answer.close()

    assert [trace.status for trace in captured.traces] == ["cancelled"]


def test_view_that_raises(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """The response is Flask's own 500, and the trace has the exception."""
    app = make_app()

    @app.get("/boom")
    def boom() -> str:
        call()
        raise LookupError("no such order")

    answer = app.test_client().get("/boom")

    (trace,) = captured.traces
    assert answer.status_code == 500
    assert trace.status == "error"
    assert trace.error is not None
    assert (trace.error.type, trace.error.message) == ("LookupError", "no such order")


def test_exception_passes_untouched_in_testing(make_app: MakeApp, call: Call) -> None:
    """If the application propagates exceptions, the client gets the very same object."""
    app = make_app()
    app.testing = True
    raised = LookupError("no such order")

    @app.get("/boom")
    def boom() -> str:
        call()
        raise raised

    with pytest.raises(LookupError) as caught:
        app.test_client().get("/boom")

    assert caught.value is raised


def test_async_view(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """Calls of an async view are in the session of its request."""
    app = make_app()

    @app.get("/async")
    async def view() -> str:
        call("async")
        return "done"

    app.test_client().get("/async")

    assert [span.name for span in captured.spans] == ["chat async"]


def test_missing_page_is_no_trace(make_app: MakeApp, captured: Captured) -> None:
    """A request without a route gets Flask's own 404 and is not recorded."""
    answer = make_app().test_client().get("/nowhere")

    assert answer.status_code == 404
    assert captured.stats.captured == 0


def test_every_request_on_demand(make_app: MakeApp, captured: Captured) -> None:
    """With ``record_requests="all"`` untouched requests are recorded too, and still get no cookie."""
    answer = make_app(record_requests="all").test_client().get("/plain")

    assert [trace.name for trace in captured.traces] == ["GET /plain"]
    assert "Set-Cookie" not in answer.headers


def test_file_is_sent_as_ever(make_app: MakeApp, captured: Captured, call: Call, tmp_path: Any) -> None:
    """The body of `send_file` arrives whole, and the trace ends."""
    app = make_app()
    (tmp_path / "report.txt").write_text("report")

    @app.get("/file")
    def file() -> Response:
        call()
        return send_file(tmp_path / "report.txt")

    with app.test_client().get("/file") as answer:
        text = answer.get_data(as_text=True)

    assert text == "report"
    assert [trace.status for trace in captured.traces] == ["ok"]


def test_response_that_nobody_closes(make_app: MakeApp, captured: Captured) -> None:
    """The trace of a complete response ends even if nobody closes it, as Flask's test client does not."""
    answer = make_app().test_client().post("/chat/orders")

    assert [trace.status for trace in captured.traces] == ["ok"]
    assert answer.status_code == 200


def test_options_from_the_config(captured: Captured, call: Call) -> None:
    """``app.config["BASERUN_COOKIE"]`` sets the option `cookie`; an argument of the call wins."""
    app = Flask("tests_of_flask")
    app.config.update(SECRET_KEY="s", BASERUN_COOKIE="from_config", BASERUN_EXCLUDED=["/health"])
    Baserun(app, cookie="from_call")

    @app.get("/health")
    @app.get("/chat")
    def view() -> str:
        call()
        return ""

    client = app.test_client()
    excluded, included = client.get("/health"), client.get("/chat")

    assert "Set-Cookie" not in excluded.headers
    assert included.headers["Set-Cookie"].startswith("from_call=")


def test_unknown_option_in_the_config(captured: Captured) -> None:
    """A config key that is no option is refused, and the error says what to write instead."""
    app = Flask("tests_of_flask")
    app.config["BASERUN_STORE"] = "elsewhere.sqlite3"

    with pytest.raises(baserun.ConfigurationError, match=r"call baserun\.init\(\)"):
        Baserun(app)


def test_unknown_option_in_the_call(captured: Captured) -> None:
    """A misspelt option is refused, and the error suggests the right one."""
    with pytest.raises(TypeError, match="did you mean 'excluded'"):
        Baserun(Flask("tests_of_flask"), exclude=["/health"])


@pytest.mark.parametrize("wrong", ["tests_of_flask", Flask, 3])
def test_what_is_no_application(captured: Captured, wrong: Any) -> None:
    """Something else than an application is refused by both ways to set up one."""
    for set_up in (Baserun, Baserun().init_app):
        with pytest.raises(baserun.ConfigurationError, match=r"takes the application, such as Flask\(__name__\), not "):
            set_up(wrong)


def test_current_app_is_an_application(captured: Captured) -> None:
    """The application can be given as `current_app`."""
    app = Flask("tests_of_flask")
    with app.app_context():
        Baserun(current_app)

    assert "baserun" in app.extensions


def test_secret_in_the_call(captured: Captured) -> None:
    """A `secret` is refused, since the application has one."""
    with pytest.raises(
        baserun.ConfigurationError, match=r"signed with app\.secret_key; set that, and leave secret out"
    ):
        Baserun(Flask("tests_of_flask"), secret="s")


def test_set_up_twice_acts_once(captured: Captured, call: Call) -> None:
    """A second `init_app` changes nothing: one cookie and one trace."""
    app = Flask("tests_of_flask")
    app.secret_key = "s"
    extension = Baserun(app)
    extension.init_app(app)

    @app.get("/chat")
    def view() -> str:
        call()
        return ""

    answer = app.test_client().get("/chat")

    assert len(answer.headers.getlist("Set-Cookie")) == 1
    assert len(captured.traces) == 1


def test_one_extension_on_several_apps(captured: Captured, call: Call) -> None:
    """One extension serves several applications separately: a token signed by one resumes nothing in another."""
    extension = Baserun()
    apps = []
    for name in ("first", "second"):
        app = Flask(name)
        app.secret_key = name
        extension.init_app(app)
        app.add_url_rule("/chat", "chat", lambda: str(call() or ""))
        apps.append(app)

    cookie = apps[0].test_client().get("/chat").headers["Set-Cookie"].partition(";")[0]
    apps[1].test_client().get("/chat", headers={"Cookie": cookie})

    assert len(captured.sessions) == 2


def test_rotated_secret_still_resumes(captured: Captured, call: Call) -> None:
    """A token signed with a key that has become a fallback resumes its session."""
    app = Flask("tests_of_flask")
    app.secret_key = "old"
    Baserun(app)
    app.add_url_rule("/chat", "chat", lambda: str(call() or ""))
    client = app.test_client()
    client.get("/chat")

    app.config.update(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"])
    client.get("/chat")

    assert [session.turns for session in captured.sessions] == [2]


def test_dropped_secret_resumes_nothing(captured: Captured, call: Call) -> None:
    """A token signed with a key that the application no longer has is ignored, without an error for the visitor."""
    app = Flask("tests_of_flask")
    app.secret_key = "old"
    Baserun(app)
    app.add_url_rule("/chat", "chat", lambda: str(call() or ""))
    client = app.test_client()
    client.get("/chat")

    app.secret_key = "new"
    answer = client.get("/chat")

    assert answer.status_code == 200
    assert [session.turns for session in captured.sessions] == [1, 1]


def test_blueprints_and_early_answers(make_app: MakeApp, captured: Captured) -> None:
    """A `before_request` function that answers in place of the view works as usual."""
    app = make_app()
    blueprint = Blueprint("closed", __name__)
    blueprint.before_request(lambda: ("closed", 403))
    blueprint.add_url_rule("/closed", "closed", lambda: "open")
    app.register_blueprint(blueprint)

    answer = app.test_client().get("/closed")

    assert (answer.status_code, answer.text) == (403, "closed")
    assert captured.stats.captured == 0


def test_contexts_without_a_request(make_app: MakeApp) -> None:
    """Application contexts, `test_request_context` and commands work outside of a server's request."""
    app = make_app()

    with app.app_context():
        assert current_app.name == "tests_of_flask"
    with app.test_request_context("/plain"):
        app.preprocess_request()
    app.cli.command("hello")(lambda: print("hello"))  # noqa: T201
    result = app.test_cli_runner().invoke(args=["hello"])

    assert result.output == "hello\n"


def test_application_lives_as_long_as_its_callable(captured: Captured) -> None:
    """``create_app().wsgi_app`` keeps the application alive; without it the application is garbage-collected."""
    app = Flask("tests_of_flask")
    Baserun(app)
    served, reference = app.wsgi_app, weakref.ref(app)

    del app
    gc.collect()
    is_kept = reference() is not None
    del served
    gc.collect()

    assert is_kept
    assert reference() is None


def test_idle_session_is_followed(make_app: MakeApp, captured: Captured, clock: FakeClock) -> None:
    """After half an hour without requests the same browser gets a new session, linked to the previous one."""
    client = make_app().test_client()
    client.post("/chat/morning")

    clock.advance(31 * 60)
    client.post("/chat/noon")

    first, second = captured.sessions
    assert second.previous_id == first.id


def test_new_conversation(make_app: MakeApp, captured: Captured, call: Call, clock: FakeClock) -> None:
    """After a view ends the session, the next call begins another."""
    app = make_app()

    @app.post("/new")
    def new() -> str:
        g.baserun_session.end()
        call("afresh")
        return ""

    client = app.test_client()
    client.post("/chat/before")
    clock.advance(1)
    client.post("/new")
    client.post("/chat/after")

    assert [session.first_input for session in captured.sessions] == ["before", "afresh"]
    assert [session.turns for session in captured.sessions] == [1, 2]
