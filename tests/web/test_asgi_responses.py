"""When the cookie is sent, when it must not be, and which headers keep it out of shared caches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import baserun
from baserun.store import StoredSession, StoredTrace
from baserun.testing import Captured
from baserun.web import ASGIMiddleware

Ask = Callable[..., Awaitable[Any]]
Answering = Callable[..., Any]
Headers = list[tuple[bytes, bytes]]


@pytest.mark.parametrize(
    ("headers", "vary", "control"),
    [
        ([], "Cookie", "private"),
        ([(b"vary", b"Accept")], "Accept, Cookie", "private"),
        ([(b"vary", b"Accept"), (b"vary", b"Origin")], "Accept, Origin, Cookie", "private"),
        ([(b"vary", b"cookie")], "cookie", "private"),
        ([(b"vary", b"*")], "*", "private"),
        ([(b"cache-control", b"max-age=60")], "Cookie", "max-age=60, private"),
        ([(b"cache-control", b"no-store")], "Cookie", "no-store"),
        ([(b"Cache-Control", b"Private, max-age=9")], "Cookie", "Private, max-age=9"),
    ],
)
async def test_a_cookie_is_kept_from_shared_caches(
    captured: Captured, ask: Ask, answering: Answering, call: Any, headers: Headers, vary: str, control: str
) -> None:
    """A response with the cookie gets `Vary: Cookie` and is private, beside the application's own headers."""
    answer = await ask(ASGIMiddleware(answering(lambda scope: call(), headers=headers)))

    lowered = {key.lower(): value.decode() for key, value in answer.headers}
    assert b"set-cookie" in lowered
    assert (lowered[b"vary"], lowered[b"cache-control"]) == (vary, control)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (304, []),
        (500, []),
        (503, []),
        (200, [(b"cache-control", b"public, max-age=60")]),
        (200, [(b"cache-control", b"s-maxage=60")]),
    ],
)
async def test_no_cookie_where_none_belongs(
    captured: Captured, ask: Ask, answering: Answering, call: Any, status: int, headers: Headers
) -> None:
    """A 304, failed or explicitly public response is left unchanged."""
    app = answering(lambda scope: call(), status=status, headers=headers)

    assert (await ask(ASGIMiddleware(app))).headers == headers


async def test_the_applications_own_cookie_wins(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """When the application sets or deletes a cookie with our name, no second one is sent."""
    headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"baserun=; Max-Age=0")]

    answer = await ask(ASGIMiddleware(answering(lambda scope: call(), headers=headers)))

    assert answer.headers == headers


async def test_other_cookies_are_left_alone(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """The application's other cookies stay in order, before ours."""
    headers = [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]

    answer = await ask(ASGIMiddleware(answering(lambda scope: call(), headers=headers)))

    cookies = [value for key, value in answer.headers if key == b"set-cookie"]
    assert cookies[:2] == [b"a=1", b"b=2"]
    assert cookies[2].startswith(b"baserun=")


async def test_constant_messages_are_not_changed(captured: Captured, ask: Ask, call: Any) -> None:
    """The application's message, which it may reuse and which may have no headers, is not modified."""
    constant = {"type": "http.response.start", "status": 200}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        call()
        await send(constant)
        await send({"type": "http.response.body"})

    answer = await ask(ASGIMiddleware(app))

    assert answer.cookie is not None
    assert constant == {"type": "http.response.start", "status": 200}


@pytest.mark.parametrize(
    "content_type", [b"text/event-stream", b"Text/Event-Stream; charset=utf-8", b"application/x-ndjson"]
)
async def test_a_live_stream_carries_the_cookie_in_time(
    captured: Captured, ask: Ask, call: Any, content_type: bytes
) -> None:
    """A live stream sends the cookie with its headers, so that a session touched only in its body can be resumed."""
    app = ASGIMiddleware(streaming(call, [(b"content-type", content_type)]))

    first = await ask(app)
    await ask(app, headers=[("cookie", first.cookie)])

    (session,) = captured.sessions
    assert len(traces_of(session)) == 2


@pytest.mark.parametrize(
    "headers",
    [[], [(b"content-type", b"text/event-stream"), (b"content-length", b"3")], [(b"content-type", b"text/html")]],
)
async def test_another_untouched_response_carries_none(
    captured: Captured, ask: Ask, call: Any, headers: Headers
) -> None:
    """An untouched response that is no live stream gets no cookie."""
    assert (await ask(ASGIMiddleware(streaming(call, headers)))).headers == headers


async def test_expected_calls_carry_the_cookie_in_time(captured: Captured, ask: Ask, call: Any) -> None:
    """`expect_calls` makes a stream of any type send the cookie with its headers."""
    app = ASGIMiddleware(streaming(call, [(b"content-type", b"text/plain")], before=baserun.expect_calls))

    first = await ask(app)
    await ask(app, headers=[("cookie", first.cookie)])

    assert len(captured.sessions) == 1


def test_expected_calls_outside_of_a_request(captured: Captured) -> None:
    """Outside a web request `expect_calls` has no effect, with or without a session."""
    baserun.expect_calls()
    with baserun.with_session() as session:
        baserun.expect_calls()
        assert baserun.current_session() is session

    assert [each.id for each in captured.sessions] == [session.id]
    assert captured.traces == []


async def test_a_live_stream_without_calls_stores_nothing(captured: Captured, ask: Ask) -> None:
    """A live stream without calls sets a cookie and stores nothing."""
    answer = await ask(ASGIMiddleware(streaming(lambda: None, [(b"content-type", b"text/event-stream")])))

    assert answer.cookie is not None
    assert captured.stats.captured == 0


@pytest.mark.parametrize(("method", "headers"), [("HEAD", []), ("OPTIONS", []), ("GET", [("sec-purpose", "prefetch")])])
async def test_no_cookie_without_a_reader(
    captured: Captured, ask: Ask, method: str, headers: list[tuple[str, str]]
) -> None:
    """Live streams set no cookie on HEAD, OPTIONS and prefetching requests."""
    app = ASGIMiddleware(streaming(lambda: None, [(b"content-type", b"text/event-stream")]))

    assert (await ask(app, headers=headers, method=method)).cookie is None


async def test_https_binds_the_cookie_to_the_host(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """Over https the cookie has the ``__Host-`` prefix, and one without it is not read."""
    app = ASGIMiddleware(answering(lambda scope: call()))
    first = await ask(app, scheme="https")

    await ask(app, headers=[("cookie", first.cookie)], scheme="https")
    await ask(app, headers=[("cookie", first.cookie.removeprefix("__Host-"))], scheme="https")

    assert first.cookie.startswith("__Host-baserun=")
    assert sorted(len(traces_of(session)) for session in captured.sessions) == [1, 2]


async def test_https_can_be_set_behind_a_proxy(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """`cookie_secure=True` sets the https cookie where the server does not know of the proxy's https."""
    answer = await ask(ASGIMiddleware(answering(lambda scope: call()), cookie_secure=True))

    assert answer.cookie.startswith("__Host-baserun=")


async def test_without_a_cookie_none_is_read(captured: Captured, ask: Ask, answering: Answering, call: Any) -> None:
    """`cookie=None` neither sends nor reads a cookie, as before a visitor's consent."""
    cookie = (await ask(ASGIMiddleware(answering(lambda scope: call())))).cookie

    answer = await ask(ASGIMiddleware(answering(lambda scope: call()), cookie=None), headers=[("cookie", cookie)])

    assert answer.headers == []
    assert len(captured.sessions) == 2


async def test_ending_the_session_deletes_the_cookie(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """Ending the session in a request, as for a new conversation, deletes its cookie."""
    cookie = (await ask(ASGIMiddleware(answering(lambda scope: call())))).cookie

    ended = await ask(
        ASGIMiddleware(answering(lambda scope: baserun.current_session().end())),  # type: ignore[union-attr]
        headers=[("cookie", cookie)],
    )

    (session,) = captured.sessions
    assert session.ended_at is not None
    assert ended.header("set-cookie").startswith("baserun=; Max-Age=0;")


async def test_ending_the_session_empties_the_header(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """After the end of a session the response header is empty, so that the client's next request begins a new one."""

    def answer(scope: Any) -> None:
        if scope["path"] == "/end":
            baserun.current_session().end()  # type: ignore[union-attr]
        else:
            call()

    app = ASGIMiddleware(answering(answer), send_session_header=True)
    kept = ""
    for path in ("/", "/", "/end", "/"):
        answered = await ask(app, path, headers=[("Baserun-Session", kept)])
        kept = answered.header("baserun-session")
        assert answered.cookie is None or path == "/"

    assert [(session.turns, session.previous_id) for session in captured.sessions] == [(2, None), (1, None)]


async def test_a_call_after_the_end_is_in_a_new_session(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A call after the session's end in the same request is in a new session, whose cookie is sent."""

    def answer(scope: Any) -> None:
        call("old")
        scope["state"]["baserun_session"].end()
        call("new")

    answered = await ask(ASGIMiddleware(answering(answer)))

    old, new = captured.sessions
    assert [span.name for trace in traces_of(old) for span in trace.spans or []] == ["chat old"]
    assert [span.name for trace in traces_of(new) for span in trace.spans or []] == ["chat new"]
    assert (old.ended_at is not None, new.ended_at, new.previous_id) == (True, None, None)
    assert new.id in answered.cookie


async def test_a_call_after_the_end_by_id_is_in_a_new_session(
    captured: Captured, ask: Ask, answering: Answering, call: Any
) -> None:
    """A call after the request's session was ended by its id is in a new session, too."""

    def answer(scope: Any) -> None:
        call("old")
        baserun.end_session(scope["state"]["baserun_session"].id)
        call("new")

    await ask(ASGIMiddleware(answering(answer)))

    old, new = captured.sessions
    assert (old.turns, new.turns, old.ended_at is not None, new.ended_at) == (1, 1, True, None)


async def test_ending_an_untouched_session_does_nothing(captured: Captured, ask: Ask, answering: Answering) -> None:
    """Ending an untouched session stores nothing and sets no cookie."""
    app = ASGIMiddleware(answering(lambda scope: baserun.end_session(baserun.current_session())))  # type: ignore[arg-type]

    answer = await ask(app)

    assert (answer.headers, captured.stats.captured) == ([], 0)


def streaming(step: Callable[[], Any], headers: Headers, before: Callable[[], Any] = lambda: None) -> Any:
    """Make an application that calls `step` after its headers are sent."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        before()
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        step()
        await send({"type": "http.response.body", "body": b"...", "more_body": True})
        await send({"type": "http.response.body"})

    return app


def traces_of(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces
