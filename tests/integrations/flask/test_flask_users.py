"""Users of Flask applications: from Flask-Login, from `get_user`, and at login and logout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader, BytesIO, RawIOBase
from typing import Any

import pytest
from flask import Flask, Request, Response
from flask import request as current_request
from flask_login import LoginManager, UserMixin, login_user, logout_user

import baserun
from baserun.exceptions import ConfigurationError
from baserun.testing import Captured, FakeClock
from baserun_flask import Baserun, feedback_view

Call = Callable[..., object]


class Person(UserMixin):  # type: ignore[misc]
    """A user of the application."""

    def __init__(self, email: str) -> None:
        self.id = email
        self.email = email


@pytest.fixture
def loads() -> list[str]:
    """The users that Flask-Login has loaded."""
    return []


@pytest.fixture
def app(captured: Captured, call: Call, loads: list[str]) -> Flask:
    app = Flask("tests_of_flask")
    app.secret_key = "s"
    manager = LoginManager(app)

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(key: str) -> Person:
        loads.append(key)
        return Person(key)

    Baserun(app)

    @app.post("/login/<email>")
    def login(email: str) -> str:
        login_user(Person(email))
        call("login")
        return ""

    @app.post("/logout")
    def logout() -> str:
        logout_user()
        call("logout")
        return ""

    @app.post("/chat/<topic>")
    def chat(topic: str) -> str:
        call(topic)
        return ""

    @app.get("/plain")
    def plain() -> str:
        return ""

    app.add_url_rule("/feedback", view_func=feedback_view, methods=["POST"])
    return app


def test_user_is_the_hash_of_the_address(app: Flask, captured: Captured) -> None:
    """The session's user is the hash of the authenticated user's e-mail address."""
    client = app.test_client()
    client.post("/login/a@example.com")
    client.post("/chat/orders")

    (session,) = captured.sessions
    assert session.user_identifier == baserun.hash_user("a@example.com")


def test_untouched_request_asks_for_no_user(app: Flask, captured: Captured, loads: list[str]) -> None:
    """Flask-Login is not asked for its user in a request that touches no session."""
    client = app.test_client()
    client.post("/login/a@example.com")
    loads.clear()

    client.get("/plain")

    assert loads == []


def test_login_starts_a_linked_session(app: Flask, captured: Captured, clock: FakeClock) -> None:
    """The session of an anonymous visitor stays without a user; at login a new session follows it."""
    client = app.test_client()
    client.post("/chat/anonymous")
    clock.advance(1)
    client.post("/login/a@example.com")

    anonymous, known = captured.sessions
    assert anonymous.user_identifier is None
    assert (known.user_identifier, known.previous_id) == (baserun.hash_user("a@example.com"), anonymous.id)


def test_logout_starts_a_session_of_nobody(app: Flask, captured: Captured, clock: FakeClock) -> None:
    """At logout a new session without a user begins, for the next person at this browser."""
    client = app.test_client()
    client.post("/login/a@example.com")
    clock.advance(1)
    client.post("/logout")
    client.post("/chat/next")

    known, anonymous = captured.sessions
    assert known.user_identifier == baserun.hash_user("a@example.com")
    assert (anonymous.user_identifier, anonymous.previous_id) == (None, known.id)
    assert anonymous.turns == 2


def test_another_users_cookie_resumes_nothing(app: Flask, captured: Captured) -> None:
    """A stolen token is ignored: the thief, logged in as somebody else, gets a session of their own."""
    first, second = app.test_client(), app.test_client()
    first.post("/login/a@example.com")
    stolen = first.get_cookie("baserun")
    second.post("/login/b@example.com")

    assert stolen is not None
    second.set_cookie("baserun", stolen.value)
    second.post("/chat/thief")

    owned = [session for session in captured.sessions if session.user_identifier == baserun.hash_user("a@example.com")]
    assert [session.turns for session in owned] == [1]


def test_user_of_a_stream(app: Flask, captured: Captured, call: Call) -> None:
    """Calls in the body of a stream, where Flask's context is gone, have the user that was found before."""

    @app.get("/stream")
    def stream() -> Response:
        def body() -> Iterator[str]:
            call("stream")
            yield "data: x\n\n"

        return Response(body(), mimetype="text/event-stream")

    client = app.test_client()
    client.post("/login/a@example.com")
    client.get("/stream").close()
    client.get("/stream").get_data()

    (session,) = captured.sessions
    assert session.user_identifier == baserun.hash_user("a@example.com")


def test_get_user_overrides(captured: Captured, call: Call) -> None:
    """The result of `get_user` is the user."""
    app = Flask("tests_of_flask")
    app.secret_key = "s"
    Baserun(app, get_user=lambda request: request.headers.get("X-User"))
    app.add_url_rule("/chat", "chat", lambda: str(call() or ""))

    app.test_client().get("/chat", headers={"X-User": "user-7"})

    assert [session.user_identifier for session in captured.sessions] == ["user-7"]


def test_fifty_users_at_once(app: Flask, captured: Captured, call: Call) -> None:
    """No call of 200 concurrent requests of fifty users, half of them streams, is in a wrong session."""

    @app.post("/stream/<topic>")
    def stream(topic: str) -> Response:
        def body() -> Iterator[str]:
            for part in ("a", "b"):
                call(f"{topic}-{part}")
                yield part

        return Response(body(), mimetype="text/event-stream")

    users = [f"user{number}@example.com" for number in range(50)]
    clients = {user: app.test_client() for user in users}
    for user, client in clients.items():
        client.post(f"/login/{user}")

    def visit(number: int) -> None:
        user, turn = users[number % 50], number // 50
        visitor = app.test_client()  # another tab of the same browser
        for cookie in ("baserun", "session"):
            held = clients[user].get_cookie(cookie)
            assert held is not None
            visitor.set_cookie(cookie, held.value)
        visitor.post(f"/{('chat', 'stream')[turn % 2]}/{user}-{turn}").get_data()

    with ThreadPoolExecutor(16) as executor:
        list(executor.map(visit, range(200)))

    assert _said(captured) == {
        baserun.hash_user(user): sorted(f"chat {topic}" for topic in ("login", *_topics(user))) for user in users
    }


def _topics(user: str) -> list[str]:
    return [f"{user}-0", f"{user}-2", *(f"{user}-{turn}-{part}" for turn in (1, 3) for part in "ab")]


def _said(captured: Captured) -> dict[str | None, list[str]]:
    return {
        session.user_identifier: sorted(span.name for trace in session.traces for span in trace.spans or [])  # type: ignore[union-attr]
        for session in captured.sessions
    }


def test_feedback_of_a_visitor(app: Flask, captured: Captured, call: Call) -> None:
    """A thumbs down posted with the trace's token is recorded on that trace; a changed token is refused."""
    tokens: list[str] = []

    @app.post("/ask")
    def ask() -> str:
        call("ask")
        trace: Any = baserun.current_trace()
        tokens.append(trace.feedback_token)
        return ""

    client = app.test_client()
    client.post("/ask")
    taken = client.post("/feedback", json={"token": tokens[0], "thumbsup": False, "comment": "wrong"})
    form = client.post("/feedback", data={"token": tokens[0], "name": "form", "thumbsup": "true"})
    refused = client.post("/feedback", json={"token": tokens[0] + "x", "thumbsup": False})

    assert (taken.status_code, form.status_code, refused.status_code) == (204, 204, 403)
    notes = [note for trace in captured.traces for note in trace.annotations or []]
    assert [(note.score, note.comment) for note in notes] == [(0.0, "wrong"), (1.0, None)]


def test_feedback_of_a_visitor_who_changes_their_mind(app: Flask, captured: Captured) -> None:
    """After a thumbs up and then down on the same trace, only the last counts."""
    tokens: list[str] = []

    @app.post("/ask")
    def ask() -> str:
        trace: Any = baserun.current_trace()
        baserun.log("asked")
        tokens.append(trace.feedback_token)
        return ""

    client = app.test_client()
    client.post("/ask")
    for thumbsup in (True, False):
        client.post("/feedback", json={"token": tokens[0], "thumbsup": thumbsup})

    notes = [note for note in captured.traces[0].annotations or [] if note.type == "feedback"]
    assert [note.score for note in notes] == [0.0]


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}


class Endless(RawIOBase):
    """A body of zeros that never ends, and counts what was read of it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        assert self.taken < 10_000_000, "all of it is read"
        return len(buffer)


@pytest.mark.parametrize("framing", [{"CONTENT_LENGTH": str(10**9)}, CHUNKED])
def test_feedback_without_end_is_not_read(app: Flask, framing: dict[str, Any]) -> None:
    """A body that is too long is refused without being taken into memory, with a length or in chunks."""
    body = Endless()

    answer = app.test_client().post(
        "/feedback",
        content_type="application/json",
        environ_overrides={"wsgi.input": BufferedReader(body), **framing},
    )

    assert answer.status_code == 413
    assert body.taken < 1_000_000


def test_feedback_in_chunks(app: Flask, captured: Captured) -> None:
    """A body without a length is read, also if the application has read it before."""
    tokens: list[str] = []

    @app.post("/ask")
    def ask() -> str:
        trace: Any = baserun.current_trace()
        tokens.append(trace.feedback_token)
        return ""

    @app.before_request
    def read() -> None:
        if current_request.args:
            current_request.get_data()

    client = app.test_client()
    client.post("/ask")
    for place, score in (("/feedback", 0.25), ("/feedback?read=1", 0.75)):
        body = json.dumps({"token": tokens[0], "score": score, "name": place}).encode()
        answer = client.post(
            place,
            content_type="application/json",
            environ_overrides={"wsgi.input": BytesIO(body), **CHUNKED},
        )
        assert answer.status_code == 204, answer.text

    assert sorted(note.score or 0 for note in captured.annotations) == [0.25, 0.75]


def test_feedback_without_the_extension_says_what_is_missing() -> None:
    """Without the extension, the error says to add it."""
    app = Flask("tests_of_flask")
    app.testing = True
    app.add_url_rule("/feedback", view_func=feedback_view, methods=["POST"])

    with pytest.raises(ConfigurationError, match=r"write Baserun\(app\), and leave the path of the endpoint out"):
        app.test_client().post("/feedback", json={})


def test_flask_request_is_what_get_user_gets(captured: Captured, call: Call) -> None:
    """`get_user` gets Flask's own request object."""
    seen: list[object] = []
    app = Flask("tests_of_flask")
    app.secret_key = "s"

    def get_user(request: Request) -> None:
        seen.append(type(request) is Request and request == current_request)

    Baserun(app, get_user=get_user)
    app.add_url_rule("/chat", "chat", lambda: str(call() or ""))

    app.test_client().get("/chat")

    assert set(seen) == {True}
