"""The pages mounted in applications, under a prefix, with access granted by the application."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.testclient import TestClient

import baserun
from baserun.exceptions import ConfigurationError
from baserun.store import Store, open_sink
from baserun.store.rows import OpenSession
from baserun_monitor import Pages, django_urls, flask_blueprint

pytestmark = pytest.mark.usefixtures("django_set_up")

Get = Callable[..., Any]
STAFF = {"X-Staff": "yes"}


def is_staff(request: Any) -> bool:
    """Grant access by a header, which the request of every framework has."""
    return bool(request.headers.get("X-Staff") == "yes")


async def is_staff_later(request: Request) -> bool:
    return is_staff(request)


def test_without_a_store_they_show_what_this_process_records(tmp_path: Path) -> None:
    """Pages without a store show that of `init`, even if called later, and find users by e-mail with its `user_key`."""
    visitor = TestClient(Pages(allow=lambda request: True), base_url="http://127.0.0.1", follow_redirects=False)
    baserun.init(store=tmp_path / "named.sqlite3", user_key="a long random secret")
    with baserun.with_session(baserun.hash_user("ada@example.com"), "conversation-7"):
        pass
    assert baserun.flush()

    (session,) = visitor.get("/sessions.json").json()["items"]
    found = visitor.post("/users", data={"user": "ada@example.com"}).headers["location"]

    assert session["id"] == "conversation-7"
    assert found == f"/users/{session['user_identifier']}"


def in_starlette(store: Store) -> Any:
    app = Starlette(routes=[Mount("/admin/baserun", app=Pages(store, allow=is_staff_later))])
    return TestClient(app, follow_redirects=False)


def in_fastapi(store: Store) -> Any:
    fastapi = pytest.importorskip("fastapi")
    app = fastapi.FastAPI()
    app.mount("/admin/baserun", Pages(store, allow=is_staff))
    return TestClient(app, follow_redirects=False)


def in_flask(store: Store) -> Any:
    flask = pytest.importorskip("flask")
    app = flask.Flask(__name__)
    app.register_blueprint(flask_blueprint(Pages(store, allow=is_staff)), url_prefix="/admin/baserun")
    return app.test_client()


def in_django(store: Store) -> Any:
    from django.test import Client, override_settings
    from django.urls import include, path

    urls = type(
        "Urls",
        (),
        {"urlpatterns": [path("admin/baserun/", include(django_urls(Pages(store, allow=is_staff))))]},
    )
    csrf = ["django.middleware.csrf.CsrfViewMiddleware"]

    class Visitor:
        def __init__(self) -> None:
            self._client = Client(enforce_csrf_checks=True)

        def get(self, path: str, headers: Any = None) -> Any:
            with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=csrf, ALLOWED_HOSTS=["*"]):
                return self._client.get(path, headers=headers)

        def post(self, path: str, data: Any, headers: Any = None) -> Any:
            with override_settings(ROOT_URLCONF=urls, MIDDLEWARE=csrf, ALLOWED_HOSTS=["*"]):
                kind = "application/x-www-form-urlencoded"
                return self._client.post(
                    path,
                    "&".join(f"{k}={v}" for k, v in data.items()),
                    kind,
                    headers=headers,
                )

    return Visitor()


FRAMEWORKS = (in_starlette, in_fastapi, in_flask, in_django)


def text_of(answer: Any) -> str:
    text = getattr(answer, "text", None)
    if text is None:
        text = b"".join(answer.streaming_content if getattr(answer, "streaming", False) else [answer.content]).decode()
    return str(text)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_pages_are_closed_inside_an_application(store: Store, framework: Get) -> None:
    """Inside an application, a visitor who is not granted access gets 403 and no content."""
    answer = framework(store).get("/admin/baserun/sessions")

    assert answer.status_code == 403
    assert store.sessions().items[0].id not in text_of(answer)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_links_stay_under_the_prefix(store: Store, framework: Get) -> None:
    """Every URL on a page is under the prefix and works."""
    visitor = framework(store)
    page = visitor.get("/admin/baserun/sessions", headers=STAFF)
    addresses = set(re.findall(r'(?:href|src|action|data-live)="(/[^"?#]*)', text_of(page)))

    assert page.status_code == 200
    assert {address for address in addresses if not address.startswith("/admin/baserun/")} == set()
    details = sorted(address for address in addresses if "/sessions/" in address)
    for address in [
        *details[:1],
        "/admin/baserun/",
        *(each for each in addresses if "/static/" in each),
    ]:
        assert visitor.get(address, headers=STAFF).status_code == 200, address


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_user_is_erased_inside_an_application(store: Store, framework: Get) -> None:
    """The form to erase a user works in every framework, together with its own CSRF protection."""
    visitor = framework(store)
    user = store.users().items[0].user_identifier
    asked = visitor.get(f"/admin/baserun/users/{user}/erase", headers=STAFF)
    token = re.search(r'name="token" value="(\w+)"', text_of(asked))
    assert token is not None

    answer = visitor.post(
        f"/admin/baserun/users/{user}/erase",
        data={"token": token[1], "confirm": "erase"},
        headers=STAFF,
    )

    assert answer.status_code == 200, text_of(answer)
    assert store.user(user) is None


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_large_form_is_refused_alike(store: Store, framework: Get) -> None:
    """In every framework a form that is too large gets the same answer, with the headers of all pages."""
    answer = framework(store).post("/admin/baserun/sessions", data={"text": "x" * 100_000}, headers=STAFF)

    assert (answer.status_code, text_of(answer)) == (413, "The form is too large.\n")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_prefix_may_have_any_letters(store: Store) -> None:
    """Under a prefix with non-ASCII letters, the path of the cookie is percent-encoded like the browser's URL."""
    app = Starlette(routes=[Mount("/\u043b\u043e\u0433", app=Pages(store, allow=is_staff))])
    user = store.users().items[0].user_identifier

    answer = TestClient(app).get(f"/%D0%BB%D0%BE%D0%B3/users/{user}/erase", headers=STAFF)

    (cookie,) = answer.headers.get_list("set-cookie")
    assert "; Path=/%D0%BB%D0%BE%D0%B3;" in cookie


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_session_is_ended_inside_an_application(store: Store, path: Path, framework: Get) -> None:
    """In every framework the form ends a session and leads back to it, and a test can be downloaded."""
    with closing(open_sink(path)) as sink:
        sink.write([OpenSession(id="open", at_us=1)])
    visitor = framework(store)
    place = "/admin/baserun/sessions/open"
    token = re.search(r'name="token" value="(\w+)"', text_of(visitor.get(place, headers=STAFF)))
    assert token is not None

    answer = visitor.post(f"{place}/end", data={"token": token[1]}, headers=STAFF)

    session = store.session("open")
    assert session is not None
    assert session.ended_at is not None
    assert (answer.status_code, answer.headers["location"]) == (303, place)
    assert visitor.get(f"{place}/test", headers=STAFF).status_code == 409  # the session has no call
    called = store.sessions(model="gpt-4o-mini", limit=1).items[0].id
    made = visitor.get(f"/admin/baserun/sessions/{called}/test", headers=STAFF)
    assert (made.status_code, made.headers["content-type"]) == (200, "application/zip")


@pytest.mark.parametrize("framework", [in_flask, in_django])
def test_servers_with_a_thread_for_each_connection_look_once(store: Store, framework: Get) -> None:
    """In frameworks with a thread for each connection the live stream ends after one look, to free the thread."""
    answer = framework(store).get("/admin/baserun/live?seen=other", headers=STAFF)

    assert "event: news" in text_of(answer)


def test_pages_are_a_wsgi_application(store: Store) -> None:
    """`Pages.wsgi` is a WSGI application."""
    environ: dict[str, Any] = {"PATH_INFO": "/sessions.json"}
    setup_testing_defaults(environ)
    told: list[Any] = []

    body = b"".join(Pages(store, allow=lambda environ: True).wsgi(environ, lambda *given: told.append(given)))

    assert told[0][0] == "200 OK"
    assert b'"items"' in body


def test_an_async_answer_does_not_open_a_wsgi_application(store: Store) -> None:
    """An async `allow` is refused under WSGI: its coroutine would count as True."""
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)

    with pytest.raises(ConfigurationError, match="allow is async"):
        Pages(store, allow=is_staff_later).wsgi(environ, lambda *given: None)


@pytest.mark.parametrize("mount", [django_urls, flask_blueprint])
@pytest.mark.parametrize("wrong", [None, "sqlite", Pages])
def test_what_is_mounted_are_pages(mount: Callable[[Any], Any], wrong: Any) -> None:
    """`django_urls` and `flask_blueprint` refuse what are no pages when they are called."""
    with pytest.raises(
        ConfigurationError, match=rf"{mount.__name__}\(\) takes pages, such as Pages\(allow=is_staff\), not"
    ):
        mount(wrong)
