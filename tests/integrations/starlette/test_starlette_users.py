"""The user of a session: login, logout, another user, users known late, and sessions that must not be resumed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

import baserun
from baserun.store import StoredSession, StoredTrace
from baserun.testing import Captured
from baserun_starlette import BaserunMiddleware

ANN, BOB = {"x-user": "ann@example.com"}, {"x-user": "bob@example.com"}
NOBODY: dict[str, str] = {}

Hashed = Callable[[str], str]


@pytest.fixture(params=["inside", "outside"])
def app(request: pytest.FixtureRequest, call: Any, by_header: Any) -> Starlette:
    """An application with Starlette's authentication inside or outside of our middleware."""

    async def chat(request: Request) -> Response:
        call()
        return PlainTextResponse(request.state.baserun_session.id)

    ours, theirs = Middleware(BaserunMiddleware), Middleware(AuthenticationMiddleware, backend=by_header)
    order = [ours, theirs] if request.param == "inside" else [theirs, ours]
    return Starlette(routes=[Route("/", chat)], middleware=order)


def test_the_user_is_the_hash_of_the_email(captured: Captured, app: Starlette, hashed: Hashed) -> None:
    """The session's user is the hash of the authenticated user's e-mail address, from request to request."""
    browser = TestClient(app, headers=ANN)

    assert browser.get("/").text == browser.get("/").text
    (session,) = captured.sessions
    assert session.user_identifier == hashed("ann@example.com")


@pytest.mark.parametrize(
    ("before", "after"), [(NOBODY, ANN), (ANN, NOBODY), (ANN, BOB)], ids=["login", "logout", "another user"]
)
def test_a_change_of_user_starts_a_linked_session(
    captured: Captured, app: Starlette, hashed: Hashed, before: dict[str, str], after: dict[str, str]
) -> None:
    """Login, logout and another user's login each start a new session, linked to the previous one."""
    browser = TestClient(app)

    first = browser.get("/", headers=before).text
    second = browser.get("/", headers=after).text
    third = browser.get("/", headers=after).text

    assert first != second == third
    by_id = {session.id: session for session in captured.sessions}
    assert by_id[second].previous_id == first
    user = after.get("x-user")
    assert by_id[second].user_identifier == (None if user is None else hashed(user))


def test_a_stolen_cookie_resumes_nothing(captured: Captured, app: Starlette) -> None:
    """A visitor with another user's token, in the cookie or the header, gets a session of their own."""
    ann = TestClient(app, headers=ANN)
    own = ann.get("/").text
    stolen = ann.cookies["baserun"]

    as_cookie = TestClient(app, headers=BOB, cookies={"baserun": stolen}).get("/").text
    as_header = TestClient(app, headers={**BOB, "baserun-session": stolen}).get("/").text
    by_nobody = TestClient(app, cookies={"baserun": stolen}).get("/").text

    assert len({own, as_cookie, as_header, by_nobody}) == 4
    assert ann.get("/").text == own


def test_an_old_anonymous_token_resumes_no_users_session(captured: Captured, app: Starlette) -> None:
    """A token from before the login does not resume the user's session."""
    browser = TestClient(app)
    anonymous = browser.get("/").text
    old = browser.cookies["baserun"]
    users = browser.get("/", headers=ANN).text

    again = TestClient(app, cookies={"baserun": old}).get("/").text

    assert again == anonymous != users


def test_get_user_overrides(captured: Captured, call: Any) -> None:
    """The result of `get_user` is the user; where it returns None, a new session without a user begins."""

    async def chat(request: Request) -> Response:
        call()
        return Response()

    app = Starlette(
        routes=[Route("/", chat)],
        middleware=[Middleware(BaserunMiddleware, get_user=lambda request: request.query_params.get("u"))],
    )
    browser = TestClient(app)
    for path in ("/?u=customer-1", "/?u=customer-1", "/", "/"):
        assert browser.get(path).status_code == 200

    users, nobodys = sorted(captured.sessions, key=lambda session: session.user_identifier is None)
    assert (users.user_identifier, nobodys.user_identifier) == ("customer-1", None)
    assert nobodys.previous_id == users.id
    assert (len(traces_of(users)), len(traces_of(nobodys))) == (2, 2)


def by_dependency(call: Any, identify: Callable[[Request, str], object], *, call_first: bool = False) -> FastAPI:
    """Make a FastAPI application whose user is only known to a dependency of the endpoint."""
    app = FastAPI()
    app.add_middleware(BaserunMiddleware)
    app.state.identify, app.state.call, app.state.calls_first = identify, call, call_first
    app.get("/chat/{name}", dependencies=[Depends(moderated)])(chat_with_user)
    return app


def current_user(request: Request, x_user: Annotated[str | None, Header()] = None) -> str | None:
    if x_user is not None:
        request.app.state.identify(request, x_user)
    return x_user


async def moderated(request: Request) -> None:
    if request.app.state.calls_first:
        request.app.state.call("moderation")


async def chat_with_user(name: str, request: Request, user: Annotated[str | None, Depends(current_user)]) -> str:
    request.app.state.call("chat")
    return str(request.state.baserun_session.id)


def by_identify(request: Request, email: str) -> None:
    baserun.identify(baserun.hash_user(email))


def by_state(request: Request, email: str) -> None:
    request.state.user = {"email": email}


LATE = pytest.mark.parametrize("identify", [by_identify, by_state], ids=["identify", "request.state.user"])
FIRST = pytest.mark.parametrize("call_first", [False, True], ids=["user first", "call first"])


@LATE
@FIRST
def test_a_user_known_late_keeps_the_session(
    captured: Captured, call: Any, hashed: Hashed, identify: Any, call_first: bool
) -> None:
    """A user whom a dependency finds, even after the first call, keeps the session from request to request."""
    browser = TestClient(by_dependency(call, identify, call_first=call_first), headers=ANN)

    ids = {browser.get("/chat/x").json() for _ in range(3)}

    (session,) = captured.sessions
    assert ids == {session.id}
    assert session.user_identifier == hashed("ann@example.com")
    assert [trace.name for trace in traces_of(session)] == ["GET /chat/{name}"] * 3


@LATE
@FIRST
def test_a_user_known_late_takes_the_trace_along(
    captured: Captured, call: Any, hashed: Hashed, identify: Any, call_first: bool
) -> None:
    """If the browser's session turns out to be another user's, the whole request moves to a new session."""
    app = by_dependency(call, identify, call_first=call_first)
    browser = TestClient(app)
    browser.get("/chat/x", headers=ANN)
    browser.get("/chat/x", headers=BOB)
    browser.get("/chat/x", headers=BOB)

    anns, bobs = sorted(captured.sessions, key=lambda session: session.user_identifier != hashed("ann@example.com"))
    calls = ["chat moderation", "chat chat"] if call_first else ["chat chat"]
    assert (anns.user_identifier, bobs.user_identifier) == (hashed("ann@example.com"), hashed("bob@example.com"))
    assert bobs.previous_id == anns.id
    assert [[span.name for span in trace.spans or []] for trace in traces_of(anns)] == [calls]
    assert [[span.name for span in trace.spans or []] for trace in traces_of(bobs)] == [calls] * 2


@LATE
@FIRST
def test_a_late_login_starts_a_linked_session(
    captured: Captured, call: Any, hashed: Hashed, identify: Any, call_first: bool
) -> None:
    """A user known late does not take over an anonymous session, but gets a linked one and keeps it."""
    browser = TestClient(by_dependency(call, identify, call_first=call_first))
    browser.get("/chat/x")
    browser.get("/chat/x", headers=ANN)
    browser.get("/chat/x", headers=ANN)

    nobodys, anns = sorted(captured.sessions, key=lambda session: session.user_identifier is not None)
    assert (nobodys.user_identifier, anns.user_identifier) == (None, hashed("ann@example.com"))
    assert anns.previous_id == nobodys.id
    assert (len(traces_of(nobodys)), len(traces_of(anns))) == (1, 2)


@LATE
@FIRST
def test_a_user_known_late_behind_authentication(
    captured: Captured, call: Any, hashed: Hashed, by_session: Any, identify: Any, call_first: bool
) -> None:
    """A dependency can identify a user whom AuthenticationMiddleware considers anonymous."""
    app = by_dependency(call, identify, call_first=call_first)
    app.add_middleware(AuthenticationMiddleware, backend=by_session)
    browser = TestClient(app, headers=ANN)

    for _ in range(3):
        browser.get("/chat/x")

    (anns,) = (session for session in captured.sessions if session.traces)
    assert anns.user_identifier == hashed("ann@example.com")
    assert [len(trace.spans or []) for trace in traces_of(anns)] == [2 if call_first else 1] * 3


def test_identify_wins_over_authentication(captured: Captured, call: Any, by_header: Any) -> None:
    """`identify` takes precedence over the authenticated user, and the next request resumes the session."""

    async def chat(request: Request) -> Response:
        call("before")
        baserun.identify("customer-7")
        call("after")
        return Response()

    app = Starlette(
        routes=[Route("/", chat)],
        middleware=[Middleware(AuthenticationMiddleware, backend=by_header), Middleware(BaserunMiddleware)],
    )
    browser = TestClient(app, headers=ANN)
    browser.get("/")
    browser.get("/")

    (session,) = captured.sessions
    assert (session.user_identifier, len(traces_of(session))) == ("customer-7", 2)


def test_with_session_inside_a_request_says_who_it_is(captured: Captured, call: Any) -> None:
    """`with_session(user_identifier=...)` in an endpoint uses the request's session and sets its owner."""

    async def chat(request: Request) -> Response:
        with baserun.with_session(user_identifier=request.headers["x-user"]):
            call()
        return Response()

    app = Starlette(routes=[Route("/", chat)], middleware=[Middleware(BaserunMiddleware)])
    browser = TestClient(app)
    for user in ("ann", "ann", "bob"):
        browser.get("/", headers={"x-user": user})

    found = {session.user_identifier: len(traces_of(session)) for session in captured.sessions}
    assert found == {"ann": 2, "bob": 1}
    assert all(session.ended_at is None for session in captured.sessions)


def test_a_user_who_appears_during_a_stream(captured: Captured, call: Any, hashed: Hashed) -> None:
    """A user identified during a stream, after the cookie was sent, gets another session for all of its calls, which
    the cookie does not resume."""

    async def words() -> AsyncIterator[str]:
        call("one")
        yield "x"
        baserun.identify(hashed("ann@example.com"))
        call("two")

    async def stream(request: Request) -> Response:
        return StreamingResponse(words(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/", stream)], middleware=[Middleware(BaserunMiddleware)])
    browser = TestClient(app)
    browser.get("/")

    (session,) = [session for session in captured.sessions if traces_of(session)]
    assert session.user_identifier == hashed("ann@example.com")
    assert session.id not in browser.cookies["baserun"]


def test_two_users_in_one_request_by_turns(captured: Captured, call: Any) -> None:
    """If a request identifies two users in turn (an agent for several customers), each has a session."""

    async def work(request: Request) -> Response:
        for customer in ("one", "two"):
            baserun.identify(customer)
            call(customer)
        return Response()

    TestClient(Starlette(routes=[Route("/", work)], middleware=[Middleware(BaserunMiddleware)])).get("/")

    assert {
        session.user_identifier: [span.name for trace in traces_of(session) for span in trace.spans or []]
        for session in captured.sessions
    } == {"one": ["chat one"], "two": ["chat two"]}


def traces_of(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces
