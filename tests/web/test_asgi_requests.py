"""The plain ASGI middleware: which requests touch a session, and in which session and trace they are recorded."""

from __future__ import annotations

import contextvars
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import baserun
from baserun import Session, Trace
from baserun._context import current
from baserun.exceptions import ConfigurationError
from baserun.store import StoredSession, StoredTrace
from baserun.testing import Captured, FakeClock
from baserun.web import ASGIMiddleware, active_request

Ask = Callable[..., Awaitable[Any]]
Answering = Callable[..., Any]


async def test_untouched_request_leaves_no_trace(captured: Captured, ask: Ask, answering: Answering) -> None:
    """A request that touches no session gets the same answer as without us, and nothing is stored."""
    app = answering(lambda scope: "hello", headers=[(b"content-type", b"text/plain")])

    answer = await ask(ASGIMiddleware(app))

    assert answer.messages == (await ask(app)).messages
    assert captured.stats.captured == 0


async def test_a_call_is_in_the_session_of_the_request(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A call to a model gives the request a session and a trace named after the request."""
    answer = await ask(ASGIMiddleware(answering(lambda scope: call())), "/chat")

    (session,) = captured.sessions
    assert answer.cookie is not None
    assert session.id in answer.cookie
    (trace,) = traces_of(session)
    assert (trace.name, trace.kind, trace.status) == ("GET /chat", "request", "ok")
    assert trace.metadata == {"method": "GET", "status_code": 200}
    assert trace.llm_calls == 1


async def test_the_cookie_resumes(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """The next request with the cookie is in the same session, and gets no new cookie within a minute."""
    app = ASGIMiddleware(answering(lambda scope: call()))
    first = await ask(app)

    second = await ask(app, headers=[("cookie", f"x=1; {first.cookie}")])

    (session,) = captured.sessions
    assert len(traces_of(session)) == 2
    assert second.headers == []


async def test_the_cookie_is_refreshed_after_a_minute(
    captured: Captured, ask: Ask, answering: Answering, call: Any, clock: FakeClock
) -> None:
    """A session in use lasts for hours because its cookie is refreshed; the one after its expiry is linked to it."""
    app = ASGIMiddleware(answering(lambda scope: call()))
    answer = await ask(app)
    for _ in range(47):
        clock.advance(30 * 60)
        answer = await ask(app, headers=[("cookie", answer.cookie)])
        assert answer.cookie is not None
    assert len(captured.sessions) == 1

    clock.advance(31 * 60)
    await ask(app, headers=[("cookie", answer.cookie)])

    first, second = captured.sessions
    assert second.previous_id == first.id


async def test_several_cookie_headers_are_one(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """A cookie is found among several cookie headers, as HTTP/2 clients may send them."""
    app = ASGIMiddleware(answering(lambda scope: call()))
    first = await ask(app)

    await ask(app, headers=[("cookie", "a=1"), ("cookie", first.cookie), ("cookie", "b=2")])

    assert len(captured.sessions) == 1


async def test_the_header_resumes_and_sets_no_cookie(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """With `send_session_header` a client sends the token in a header and gets it back in one, without a cookie."""
    app = ASGIMiddleware(answering(lambda scope: call()), send_session_header=True)
    first = await ask(app)

    second = await ask(app, headers=[("Baserun-Session", first.header("baserun-session"))])

    assert len(captured.sessions) == 1
    assert second.header("set-cookie") is None
    assert second.header("baserun-session") is not None
    assert (second.header("vary"), second.header("cache-control")) == ("Baserun-Session", "private")


async def test_the_token_resumes_elsewhere(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """`session.token`, given to a client, resumes the session when sent in the header."""

    def answer(scope: Any) -> str:
        call()
        session = baserun.current_session()
        assert session is not None
        return session.token

    app = ASGIMiddleware(answering(answer))
    token = (await ask(app)).body.decode()

    await ask(app, headers=[("Baserun-Session", token)])

    assert len(captured.sessions) == 1


async def test_a_token_of_a_session_by_hand_resumes_it(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """The token of a session started outside a request resumes it in a request."""
    app = ASGIMiddleware(answering(lambda scope: call()))
    with baserun.with_session() as session:
        token = session.token

    await ask(app, headers=[("Baserun-Session", token)])

    assert [s.id for s in captured.sessions] == [session.id]


@pytest.mark.parametrize(
    "touch",
    [
        lambda session: session.id,
        lambda session: session.token,
        lambda session: baserun.log("hello"),
        lambda session: baserun.tag("topic", "x"),
        lambda session: baserun.inject({}),
        lambda session: trace().feedback_token,
        lambda session: session.metadata.update(topic="x"),
        lambda session: trace().metadata.update(topic="x"),
    ],
    ids=["id", "token", "log", "tag", "inject", "feedback_token", "metadata", "metadata of the trace"],
)
async def test_what_touches_a_session(captured: Captured, ask: Ask, answering: Answering, touch: Any) -> None:
    """Anything that needs the session's identity touches it: it is stored, and its cookie sent."""
    answer = await ask(ASGIMiddleware(answering(lambda scope: touch(baserun.current_session()) and "")))

    assert len(captured.sessions) == 1
    assert answer.cookie is not None


@pytest.mark.parametrize(
    "ask_for",
    [
        lambda: baserun.current_session(),
        lambda: baserun.current_trace(),
        lambda: repr(baserun.current_session()),
        lambda: baserun.identify("ann"),
        lambda: session().user_identifier,
    ],
    ids=["current_session", "current_trace", "repr", "identify", "user_identifier"],
)
async def test_what_touches_no_session(captured: Captured, ask: Ask, answering: Answering, ask_for: Any) -> None:
    """Reading what is current, or identifying the user on every request, touches no session."""
    answer = await ask(ASGIMiddleware(answering(lambda scope: ask_for() and "")))

    assert answer.headers == []
    assert captured.stats.captured == 0


async def test_with_all_requests_recorded_an_untouched_one_is_in_no_session(
    captured: Captured, ask: Ask, answering: Answering
) -> None:
    """`record_requests="all"` stores an untouched request, but without a session and a cookie."""
    answer = await ask(ASGIMiddleware(answering(lambda scope: ""), record_requests="all"), "/about")

    (trace,) = captured.traces
    assert (trace.name, trace.session_id) == ("GET /about", None)
    assert (answer.headers, captured.sessions) == ([], [])


async def test_a_conversation_of_the_application_takes_the_request_with_it(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A call in a session with an id from the application puts the request's trace there, and sets no cookie."""

    def answer(scope: Any) -> None:
        with baserun.with_session(session_identifier="conversation-1"):
            call()

    response = await ask(ASGIMiddleware(answering(answer), get_user=lambda scope: "ann"), "/chat")

    (session,) = captured.sessions
    assert (session.id, session.user_identifier) == ("conversation-1", "ann")
    assert [trace.name for trace in traces_of(session)] == ["GET /chat"]
    assert response.headers == []


async def test_two_conversations_in_one_request_do_not_mix(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """Each call is in the session of its block, and one after the blocks in the request's session."""

    def answer(scope: Any) -> None:
        for name in ("one", "two"):
            with baserun.with_session(session_identifier=name):
                call(name)
        call("after")

    await ask(ASGIMiddleware(answering(answer)))

    calls = {
        session.id: [span.name for trace in traces_of(session) for span in trace.spans or []]
        for session in captured.sessions
    }
    assert (calls.pop("one"), calls.pop("two")) == (["chat one"], ["chat two"])
    assert list(calls.values()) == [["chat after"]]


async def test_a_block_without_calls_leaves_the_request_where_it_was(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A session block in which nothing is recorded does not move the request's trace."""

    def answer(scope: Any) -> None:
        with baserun.with_session(session_identifier="one"):
            pass
        call()

    await ask(ASGIMiddleware(answering(answer)), "/chat")

    (own,) = (session for session in captured.sessions if session.id != "one")
    assert [trace.name for trace in traces_of(own)] == ["GET /chat"]


async def test_every_request_starts_clean(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """A request is in its own session, whatever was current in the server's context, and restores that afterwards."""
    app = ASGIMiddleware(answering(lambda scope: call()))
    with baserun.with_session() as around:
        before = current()
        await ask(app)
        assert current() is before

    inner = [session for session in captured.sessions if session.id != around.id]
    assert len(inner) == 1
    assert inner[0].previous_id is None


async def test_an_excluded_request_is_left_alone(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """In a request to an excluded path no session is current, not even one leaked by the server."""
    seen: list[object] = []
    app = ASGIMiddleware(answering(lambda scope: seen.append(baserun.current_session())), excluded=["/health", "/s/*"])

    with baserun.with_session():
        await ask(app, "/health")
        await ask(app, "/s/x/y.css")
        await ask(app, "/healthy")

    assert [session is None for session in seen] == [True, True, False]


async def test_mounted_twice_acts_once(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """Two nested middlewares make one trace and one cookie."""
    app = ASGIMiddleware(ASGIMiddleware(answering(lambda scope: call())))

    answer = await ask(app)

    assert len(captured.traces) == 1
    assert len([key for key, _ in answer.headers if key == b"set-cookie"]) == 1


async def test_the_scope_is_left_as_it_was(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """Our entry is removed from the scope after the request, since test clients reuse scopes."""
    scopes: list[Any] = []

    def answer(scope: Any) -> None:
        scopes.append(scope)
        assert active_request() is scope["baserun"]

    await ask(ASGIMiddleware(answering(answer)))

    assert "baserun" not in scopes[0]


async def test_the_applications_error_passes_untouched(captured: Captured, ask: Ask, call: Any) -> None:
    """The application's exception passes as the same object without context or cause, and is recorded in the trace."""
    error = LookupError("gone")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call()
        raise error

    with pytest.raises(LookupError) as raised:
        await ask(ASGIMiddleware(app))

    assert raised.value is error
    assert (error.__context__, error.__cause__) == (None, None)
    (trace,) = captured.traces
    assert trace.status == "error"
    assert trace.error is not None
    assert (trace.error.type, trace.error.message) == ("LookupError", "gone")


async def test_a_broken_get_user_breaks_no_request(
    captured: Captured, ask: Ask, answering: Answering, call: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A `get_user` that raises is logged; the user stays unknown and the request is answered."""

    def get_user(scope: Any) -> str:
        raise RuntimeError("no")

    answer = await ask(ASGIMiddleware(answering(lambda scope: call()), get_user=get_user))

    assert answer.status == 200
    assert captured.sessions[0].user_identifier is None
    assert "Baserun failed while finding the user of a request" in caplog.text


async def test_get_user_may_itself_use_the_session(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A `get_user` that touches the session itself does not recurse without end."""

    def get_user(scope: Any) -> str:
        baserun.log("looking")
        return "ann"

    await ask(ASGIMiddleware(answering(lambda scope: call()), get_user=get_user))

    (session,) = captured.sessions
    assert session.user_identifier == "ann"


async def test_switched_off_it_changes_nothing(ask: Ask, answering: Answering, call: Any) -> None:
    """With `enabled=False` sessions have ids, but no cookie is set and nothing is stored."""
    baserun.init(enabled=False)
    app = ASGIMiddleware(answering(lambda scope: baserun.current_session().id))  # type: ignore[union-attr]

    answer = await ask(app)

    assert len(answer.body) == 36
    assert answer.headers == []


async def test_the_lifespan_passes_and_flushes(captured: Captured, call: Any) -> None:
    """Queued records are written before the server gets ``lifespan.shutdown.complete``."""
    stored: list[int] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call()
        await send({"type": "lifespan.shutdown.complete"})

    async def send(message: Any) -> None:
        stored.append(baserun.stats().queued)

    await ASGIMiddleware(app)({"type": "lifespan"}, lambda: None, send)

    assert stored == [0]
    assert captured.stats.captured > 0


async def test_the_end_of_the_lifespan_collects_garbage(captured: Captured, call: Any) -> None:
    """At the end of the lifespan unreferenced objects are collected, so that calls of unclosed streams are recorded."""

    class Dropped:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            call("dropped")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        Dropped()
        await send({"type": "lifespan.shutdown.complete"})

    async def send(message: Any) -> None:
        assert baserun.stats().queued == 0

    gc.disable()
    try:
        await ASGIMiddleware(app)({"type": "lifespan"}, lambda: None, send)
    finally:
        gc.enable()

    assert [each.name for each in captured.calls] == ["chat dropped"]


async def test_a_lifespan_that_raises_still_raises(captured: Captured) -> None:
    """An application without lifespan support raises, and the exception passes, as servers rely on it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise TypeError("no lifespan here")

    with pytest.raises(TypeError, match="no lifespan here"):
        await ASGIMiddleware(app)({"type": "lifespan"}, lambda: None, lambda message: None)


async def test_another_kind_of_scope_passes(captured: Captured) -> None:
    """A scope of an unknown type is passed on unchanged."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    scope, receive, send = {"type": "other"}, object(), object()
    await ASGIMiddleware(app)(scope, receive, send)

    assert seen == [(scope, receive, send)]


def test_an_asgi_2_application_is_refused() -> None:
    """A class is refused as an ASGI 2 application, and the error says what to wrap it in."""

    class Double:
        def __init__(self, scope: Any) -> None: ...

    with pytest.raises(ConfigurationError, match="guarantee_single_callable"):
        ASGIMiddleware(Double)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [None, 3, lambda environ, start_response: [], lambda scope: None])
def test_no_asgi_application(wrong: Any) -> None:
    """What cannot be called with scope, receive and send is refused at once, with what to use for WSGI."""
    with pytest.raises(ConfigurationError, match=r"called with \(scope, receive, send\); for a WSGI .*WSGIMiddleware"):
        ASGIMiddleware(wrong)


async def test_a_late_task_keeps_the_session(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """Work in a request's context after its end is in the request's session, in a trace of its own."""
    left: list[contextvars.Context] = []

    def answer(scope: Any) -> None:
        call("at once")
        left.append(contextvars.copy_context())

    await ask(ASGIMiddleware(answering(answer)), "/chat")
    left[0].run(call, "later")

    (session,) = captured.sessions
    assert [trace.name for trace in traces_of(session)] == ["GET /chat", "chat later"]


def trace() -> Trace:
    current = baserun.current_trace()
    assert current is not None
    return current


def session() -> Session:
    current = baserun.current_session()
    assert current is not None
    return current


def traces_of(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces
