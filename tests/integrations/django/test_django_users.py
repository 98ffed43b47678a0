"""Users of Django projects: the user of a session, and login and logout."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import AsyncClient, Client, override_settings
from django.test.utils import CaptureQueriesContext

import baserun
from baserun.exceptions import ConfigurationError
from baserun.testing import Captured, FakeClock

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Names = Callable[[Captured], list[list[str]]]

ANNA, BERT = baserun.hash_user("anna@example.com"), baserun.hash_user("bert@example.com")


def _logged_in(name: str, kind: Any = Client) -> Any:
    from django.contrib.auth.models import User

    client = kind()
    client.force_login(User.objects.get(username=name))
    return client


def _user_of(request: Any) -> str:
    return f"visitor-{request.GET['name']}"


def test_user_is_the_hash_of_the_address(captured: Captured) -> None:
    """The session's user is the hash of the authenticated user's e-mail address."""
    _logged_in("anna").get("/chat/orders/")

    assert [session.user_identifier for session in captured.sessions] == [ANNA]


def test_user_without_an_address(captured: Captured) -> None:
    """A user without an e-mail address is identified by a hash."""
    _logged_in("carl").get("/chat/orders/")

    (session,) = captured.sessions
    assert session.user_identifier is not None
    assert len(session.user_identifier) == 64


def test_untouched_request_makes_no_query(captured: Captured) -> None:
    """A request that touches no session makes no query and adds no Vary."""
    client = _logged_in("anna")

    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/plain/")

    assert len(queries) == 0
    assert "Vary" not in answer.headers


def test_touched_request_asks_once(captured: Captured) -> None:
    """A request that touches its session loads the user with one query."""
    client = _logged_in("anna")

    with CaptureQueriesContext(connection) as queries:
        client.get("/chat/orders/")

    assert len(queries) == 1


def test_asynchronous_request_knows_its_user(captured: Captured, run: Run) -> None:
    """An async request's session has its user, who cannot be looked up while a call is made in the event loop."""

    async def visit() -> None:
        client = AsyncClient()
        await client.aforce_login(await _find("anna"))
        await client.get("/async-chat/orders/")
        await client.get("/async-chat/refunds/")

    run(visit())

    (session,) = captured.sessions
    assert (session.user_identifier, session.turns) == (ANNA, 2)


async def _find(name: str) -> Any:
    from django.contrib.auth.models import User

    return await User.objects.aget(username=name)


def test_login_starts_a_linked_session(captured: Captured, clock: FakeClock, names: Names) -> None:
    """Calls before the login stay in the anonymous session; from the login on a new, linked session is used."""
    client = Client()
    client.get("/chat/hello/")
    clock.advance(1)
    client.get("/login/anna/")

    anonymous, known = captured.sessions
    assert (anonymous.user_identifier, known.user_identifier) == (None, ANNA)
    assert known.previous_id == anonymous.id
    assert names(captured) == [["chat hello", "chat before"], ["chat after"]]


def test_logout_starts_a_session_of_nobody(captured: Captured, clock: FakeClock, names: Names) -> None:
    """At logout a new session without a user begins, for the next person at this browser."""
    client = _logged_in("anna")
    client.get("/chat/mine/")
    clock.advance(1)
    client.get("/logout/")
    client.get("/chat/next/")

    known, anonymous = captured.sessions
    assert (known.user_identifier, anonymous.user_identifier) == (ANNA, None)
    assert names(captured) == [["chat mine"], ["chat logout", "chat next"]]


def test_old_anonymous_token_resumes_no_known_session(captured: Captured) -> None:
    """A token from before the login does not resume the user's session."""
    client, other = Client(), Client()
    client.get("/chat/hello/")
    other.cookies["baserun"] = client.cookies["baserun"].value
    client.get("/login/anna/")
    other.get("/chat/intruder/")

    known = [session for session in captured.sessions if session.user_identifier == ANNA]
    assert [session.llm_calls for session in known] == [1]


def test_another_users_cookie_resumes_nothing(captured: Captured) -> None:
    """A stolen token is ignored: the thief, logged in as somebody else, gets a session of their own."""
    anna, bert = _logged_in("anna"), _logged_in("bert")
    anna.get("/chat/mine/")
    bert.cookies["baserun"] = anna.cookies["baserun"].value
    bert.get("/chat/theft/")

    owners = {session.user_identifier: session.llm_calls for session in captured.sessions}
    assert owners == {ANNA: 1, BERT: 1}


def test_get_user_by_its_path(captured: Captured) -> None:
    """The option `get_user` can be a dotted path; the function gets Django's request."""
    with override_settings(BASERUN={"get_user": f"{__name__}._user_of"}):
        _import_self()
        Client().get("/chat/orders/?name=7")

    assert [session.user_identifier for session in captured.sessions] == ["visitor-7"]


def _import_self() -> None:
    import sys

    assert __name__ in sys.modules


class _Early:
    """A middleware that touches the session before the view authenticates the user."""

    def __init__(self, get_response: Callable[[Any], Any]) -> None:
        self._get_response = get_response

    def __call__(self, request: Any) -> Any:
        baserun.log("early")
        return self._get_response(request)


@pytest.mark.parametrize("below", [[], [f"{__name__}._Early"]], ids=["at the call", "after the first touch"])
def test_framework_user_known_late(captured: Captured, call: Callable[[str], None], below: list[str]) -> None:
    """A user whom Django REST framework authenticates inside the view is the session's, from request to request."""
    from django.urls import path
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class ByHeader(BaseAuthentication):  # type: ignore[misc]
        def authenticate(self, request: Any) -> Any:
            from django.contrib.auth.models import User

            name = request.headers.get("X-Name")
            return None if name is None else (User.objects.get(username=name), None)

    class Chat(APIView):  # type: ignore[misc]
        authentication_classes = (ByHeader,)

        def get(self, request: Any) -> Response:
            call("api")
            return Response({})

    class Urls:
        urlpatterns = (path("api/", Chat.as_view()),)

    with override_settings(ROOT_URLCONF=Urls, MIDDLEWARE=[*settings.MIDDLEWARE, *below]):
        client = Client()
        client.get("/api/", headers={"X-Name": "anna"})
        client.get("/api/", headers={"X-Name": "anna"})
        client.get("/api/", headers={"X-Name": "bert"})

    owners = {session.user_identifier: session.llm_calls for session in captured.sessions if session.traces}
    assert owners == {ANNA: 2, BERT: 1}


def test_user_of_an_asynchronous_view_under_wsgi(captured: Captured) -> None:
    """The session of an async view under WSGI has its user, who cannot be looked up while its calls are made."""
    client = _logged_in("anna")

    for _ in range(2):
        client.get("/async-chat/orders/")

    assert [(session.user_identifier, session.turns) for session in captured.sessions] == [(ANNA, 2)]


def test_fifty_users_at_once(captured: Captured) -> None:
    """No call of 200 concurrent requests of fifty users, half of them streams, is in a wrong session."""
    from django.contrib.auth.models import User

    users = [f"user{number}" for number in range(50)]
    for user in users:
        User.objects.get_or_create(username=user, email=f"{user}@example.com")
    clients = {user: _logged_in(user) for user in users}
    for client in clients.values():
        client.get("/chat/first/")

    def visit(number: int) -> None:
        user, turn = users[number % 50], number // 50
        visitor = Client()  # another tab of the same browser
        visitor.cookies.update(clients[user].cookies)
        if turn % 2:
            b"".join(visitor.get("/stream/").streaming_content)  # type: ignore[attr-defined]
        else:
            visitor.get(f"/chat/{user}-{turn}/")
        connections.close_all()

    with ThreadPoolExecutor(16) as executor:
        list(executor.map(visit, range(200)))

    said = {
        session.user_identifier: sorted(span.name for trace in session.traces for span in trace.spans or [])  # type: ignore[union-attr]
        for session in captured.sessions
    }
    streams = ["chat one", "chat one", "chat two", "chat two"]
    assert said == {
        baserun.hash_user(f"{user}@example.com"): sorted(["chat first", f"chat {user}-0", f"chat {user}-2", *streams])
        for user in users
    }


def test_feedback_of_a_visitor(captured: Captured) -> None:
    """Feedback posted with the trace's token, as JSON or a form, is recorded there; a changed token is refused."""
    client = Client()
    token = client.get("/ask/").content.decode()

    taken = client.post("/feedback/", {"token": token, "thumbsup": False, "comment": "wrong"}, "application/json")
    form = client.post("/feedback/", {"token": token, "name": "form", "thumbsup": "true"})
    urlencoded = client.post("/feedback/", f"token={token}&name=url&stars=4", "application/x-www-form-urlencoded")
    refused = client.post("/feedback/", {"token": token + "x", "thumbsup": False}, "application/json")
    got = client.get("/feedback/")

    statuses = [answer.status_code for answer in (taken, form, urlencoded, refused, got)]
    assert statuses == [204, 204, 204, 403, 405]
    notes = [note for trace in captured.traces for note in trace.annotations or []]
    assert sorted(note.score for note in notes if note.score is not None) == [0.0, 0.8, 1.0]


@pytest.mark.parametrize("body", ["garbage", "--b\r\n\r\n--b--\r\n"])
def test_feedback_in_a_form_without_fields_is_refused(captured: Captured, body: str) -> None:
    """A form in which Django finds nothing is a body that cannot be used, and no error of the server."""
    answer = Client().post("/feedback/", body, "multipart/form-data; boundary=b")

    assert (answer.status_code, captured.annotations) == (400, [])
    assert answer.json() == {"error": "there is no token; send trace.feedback_token as 'token'"}


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("size", [65_537, 3_000_000])
def test_feedback_that_is_too_long_is_refused(captured: Captured, kind: str, size: int) -> None:
    """More than 64 kB is refused in the same way, whether Django's own limit comes first or not."""
    answer = Client().post("/feedback/", "token=" + "x" * size, kind)

    assert (answer.status_code, captured.annotations) == (413, [])
    assert answer.json() == {"error": "the most is 65536 bytes"}


def test_feedback_of_a_visitor_who_changes_their_mind(captured: Captured) -> None:
    """After a thumbs up and then down on the same trace, only the last counts."""
    client = Client()
    token = client.get("/ask/").content.decode()

    for thumbsup in (True, False):
        client.post("/feedback/", {"token": token, "thumbsup": thumbsup}, "application/json")

    assert [note.score for note in captured.traces[0].annotations or []] == [0.0]


def test_feedback_without_the_middleware_says_what_is_missing(captured: Captured) -> None:
    """Without the middleware, the error says to add it."""
    with (
        override_settings(MIDDLEWARE=[]),
        pytest.raises(
            ConfigurationError, match=r"add 'baserun_django\.BaserunMiddleware' to the setting MIDDLEWARE, and"
        ),
    ):
        Client().post("/feedback/", {})


def test_feedback_is_protected_against_forgery(captured: Captured) -> None:
    """Django's CSRF protection applies to the feedback view."""
    client = Client(enforce_csrf_checks=True)
    with override_settings(
        MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware", "baserun_django.BaserunMiddleware"]
    ):
        token = client.get("/ask/").content.decode()
        answer = client.post("/feedback/", {"token": token, "thumbsup": True}, "application/json")

    assert answer.status_code == 403
    assert captured.annotations == []
