"""Flask requests in special conditions: other cookies, proxies, redirects, failing users, concurrent applications."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask, Response, g, redirect, session
from flask_login import LoginManager, UserMixin
from werkzeug.middleware.proxy_fix import ProxyFix

import baserun
from baserun.testing import Captured
from baserun_flask import Baserun

MakeApp = Callable[..., Flask]
Call = Callable[..., object]


def test_cookie_within_another_sites_frame(make_app: MakeApp) -> None:
    """With `cookie_partitioned`, a widget in another site's page gets a partitioned cookie over https."""
    app = make_app(cookie_samesite="none", cookie_partitioned=True)

    answer = app.test_client().post("/chat/orders", base_url="https://example.com")

    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name.startswith("__Host-baserun=")
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"} <= set(attributes)


@pytest.mark.parametrize("planted", ["before", "after"])
def test_cookie_planted_beside_ours(make_app: MakeApp, captured: Captured, planted: str) -> None:
    """A second cookie of our name, set by another host of the domain, does not hide the genuine one."""
    app = make_app()
    genuine = app.test_client().post("/chat/orders").headers["Set-Cookie"].partition(";")[0]
    both = [genuine, "baserun=planted"]

    client = app.test_client(use_cookies=False)
    client.post("/chat/orders", headers={"Cookie": "; ".join(both if planted == "after" else both[::-1])})

    assert [session.turns for session in captured.sessions] == [2]


@pytest.mark.parametrize("is_above", [True, False], ids=["above us", "below us"])
def test_behind_a_proxy_that_ends_https(captured: Captured, call: Call, is_above: bool) -> None:
    """With Werkzeug's ProxyFix above or below us, https is recognised and the cookie has the ``__Host-`` prefix."""
    app = Flask("tests_of_flask")
    app.secret_key = "s"
    app.add_url_rule("/chat", "chat", lambda: str(call() or ""))
    if is_above:
        Baserun(app)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    Baserun(app)
    client = app.test_client(use_cookies=False)
    https = {"X-Forwarded-Proto": "https"}

    cookie = client.get("/chat", headers=https).headers["Set-Cookie"].partition(";")[0]
    client.get("/chat", headers={**https, "Cookie": cookie})

    assert cookie.startswith("__Host-baserun=")
    assert [each.turns for each in captured.sessions] == [2]


def test_redirects_are_requests_of_their_own(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """A followed redirect is a second request: two traces in one session."""
    app = make_app()

    @app.get("/old")
    def old() -> Any:
        call("old")
        return redirect("/new")

    @app.get("/new")
    def new() -> str:
        call("new")
        return "here"

    assert app.test_client().get("/old", follow_redirects=True).text == "here"

    (found,) = captured.sessions
    assert sorted(trace.name for trace in captured.traces) == ["GET /new", "GET /old"]
    assert found.turns == 2


def test_the_applications_own_session(make_app: MakeApp, captured: Captured, call: Call) -> None:
    """Flask's session cookie and ours are both kept, and `get_user` can read Flask's session."""
    app = make_app(get_user=lambda request: session.get("user"))

    @app.get("/login")
    def login() -> str:
        session["user"] = "customer-7"
        return ""

    client = app.test_client()
    client.post("/chat/before")
    client.get("/login")
    client.post("/chat/after")
    client.post("/chat/again")

    assert all(client.get_cookie(name) is not None for name in ("session", "baserun"))
    found = sorted((each.user_identifier or "", each.turns) for each in captured.sessions)
    assert found == [("", 1), ("customer-7", 2)]


def test_a_user_who_cannot_be_loaded(captured: Captured, call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """If Flask-Login fails to load its user, the failure is logged and the request continues."""
    app = Flask("tests_of_flask")
    app.secret_key = "s"
    logins = LoginManager(app)
    Baserun(app)

    @logins.request_loader  # type: ignore[untyped-decorator]
    def load(request: Any) -> UserMixin:
        raise ConnectionError("the directory is away")

    @app.get("/chat")
    def chat() -> str:
        call()
        return "answer"

    assert app.test_client().get("/chat").text == "answer"
    assert [each.user_identifier for each in captured.sessions] == [None]
    assert "the directory is away" in caplog.text


def test_several_applications_at_once(captured: Captured, call: Call) -> None:
    """Applications that serve concurrently in one process keep their visitors apart."""

    def make(name: str) -> Flask:
        app = Flask(name)
        app.secret_key = f"the secret of {name}"
        Baserun(app, cookie=name, get_user=lambda request: f"{name}-{request.args['user']}")

        @app.get("/chat")
        def chat() -> Response:
            call(name)
            return Response(f"{g.baserun_session.user_identifier} {baserun.current_session() is g.baserun_session}")

        return app

    apps = {name: make(name) for name in ("one", "two")}
    first = {(name, user): _ask(apps[name], user) for name in apps for user in range(4)}
    cookies = {who: answer.headers["Set-Cookie"].partition(";")[0] for who, answer in first.items()}

    def visit(number: int) -> None:
        name, user = ("one", "two")[number % 2], number // 2 % 4
        assert _ask(apps[name], user, cookies[name, user]).text == f"{name}-{user} True"

    with ThreadPoolExecutor(8) as executor:
        list(executor.map(visit, range(40)))

    said = {
        each.user_identifier: {span.name for trace in _traces(each) for span in trace.spans}
        for each in captured.sessions
    }
    assert said == {f"{name}-{user}": {f"chat {name}"} for name, user in cookies}
    assert sum(each.turns for each in captured.sessions) == 48


def _ask(app: Flask, user: int, cookie: str = "") -> Any:
    return app.test_client(use_cookies=False).get(f"/chat?user={user}", headers={"Cookie": cookie})


def _traces(found: Any) -> list[Any]:
    return list(found.traces)
