"""Sessions of Django under ASGI: its handler, its event loop, and users that are found late."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asgiref.testing
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

import baserun
from baserun.testing import Captured

Run = Callable[[Coroutine[Any, Any, Any]], Any]
ApplicationCommunicator: Any = asgiref.testing.ApplicationCommunicator  # asgiref has no types for it
ANNA = baserun.hash_user("anna@example.com")
SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "query_string": b"",
    "headers": [(b"host", b"example.com")],
}


async def _user(name: str) -> Any:
    from django.contrib.auth.models import User

    return await User.objects.aget(username=name)


async def _logged_in(name: str) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(await _user(name))
    return client


def _urls(*views: Any) -> Any:
    """Return a URLconf with each view at its name."""
    return type("Urls", (), {"urlpatterns": tuple(path(f"{view.__name__}/", view) for view in views)})


def test_live_stream_of_a_user(captured: Captured, run: Run) -> None:
    """A live stream is in its user's session, although nothing read the user before the headers were sent."""

    async def visit() -> None:
        client = await _logged_in("anna")
        for _ in range(2):
            answer: Any = await client.get("/async-stream/")
            assert [part async for part in answer.streaming_content] == [b"one", b"two"]

    run(visit())

    assert [(session.user_identifier, session.llm_calls) for session in captured.sessions] == [(ANNA, 4)]


def test_ordinary_live_stream_of_a_user(captured: Captured, run: Run) -> None:
    """A live stream from a synchronous generator, which Django reads in a thread, is in its user's session."""

    async def visit() -> None:
        client = await _logged_in("anna")
        answer = await client.get("/stream/")
        with pytest.warns(Warning, match="StreamingHttpResponse must consume synchronous iterators"):
            await _read(answer)

    run(visit())

    assert [(session.user_identifier, session.llm_calls) for session in captured.sessions] == [(ANNA, 2)]


async def _read(answer: Any) -> None:
    assert [part async for part in answer] == [b"one", b"two"]


def test_asynchronous_body_under_wsgi(captured: Captured) -> None:
    """An asynchronous generator under WSGI, which Django reads in its own loop, is in the request's trace."""
    with pytest.warns(Warning, match="StreamingHttpResponse must consume asynchronous iterators"):
        body = b"".join(Client().get("/async-stream/"))

    (trace,) = captured.traces
    assert (body, trace.llm_calls, trace.status) == (b"onetwo", 2, "ok")


def test_failing_database_is_no_failure_of_ours(
    captured: Captured, call: Callable[[str], None], caplog: pytest.LogCaptureFixture, run: Run
) -> None:
    """If looking up the user fails, the response is the view's own, and the failure is logged."""

    async def ask(request: HttpRequest) -> HttpResponse:
        async def fail() -> Any:
            raise OSError("the database is gone")

        request.auser = fail
        call("ask")
        return HttpResponse("answer")

    with override_settings(ROOT_URLCONF=_urls(ask)):
        answer = run(_get("/ask/"))

    assert (answer.status_code, answer.content) == (200, b"answer")
    assert "the database is gone" in caplog.text


async def _get(where: str) -> Any:
    return await AsyncClient().get(where)


def test_deferred_fields_are_no_query_in_a_loop(
    captured: Captured, call: Callable[[str], None], caplog: pytest.LogCaptureFixture, run: Run
) -> None:
    """If the user's e-mail address is deferred, it is looked up without a blocking query in the event loop."""

    async def ask(request: HttpRequest) -> HttpResponse:
        from django.contrib.auth.models import User

        request.user = await User.objects.only("pk").aget(username="anna")
        call("ask")
        return HttpResponse()

    with override_settings(ROOT_URLCONF=_urls(ask)), caplog.at_level(logging.WARNING, "baserun"):
        run(_get("/ask/"))

    assert [session.user_identifier for session in captured.sessions] == [ANNA]
    assert caplog.text == ""


def test_asynchronous_login_and_logout(captured: Captured, call: Callable[[str], None], run: Run) -> None:
    """`alogin` and `alogout` start new sessions, also in the middle of a request."""

    async def come(request: HttpRequest) -> HttpResponse:
        from django.contrib.auth import alogin

        await request.auser()
        call("before")
        await alogin(request, await _user("anna"))
        call("in")
        return HttpResponse()

    async def go(request: HttpRequest) -> HttpResponse:
        from django.contrib.auth import alogout

        await alogout(request)
        call("out")
        return HttpResponse()

    async def visit() -> None:
        client = AsyncClient()
        for where in ("/come/", "/go/"):
            await client.get(where)

    with override_settings(ROOT_URLCONF=_urls(come, go)):
        run(visit())

    found = {
        session.user_identifier: (session.llm_calls, session.previous_id is not None) for session in captured.sessions
    }
    assert len(captured.sessions) == 3
    assert found[ANNA] == (1, True)


def test_views_that_require_a_login(captured: Captured, call: Callable[[str], None]) -> None:
    """With LoginRequiredMiddleware below or above us, a visitor who is not logged in is redirected and not recorded."""
    from django.contrib.auth.decorators import login_not_required

    def inside(request: HttpRequest) -> HttpResponse:
        call("inside")
        return HttpResponse()

    @login_not_required
    def outside(request: HttpRequest) -> HttpResponse:
        call("outside")
        return HttpResponse()

    usual = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    required, ours = "django.contrib.auth.middleware.LoginRequiredMiddleware", "baserun_django.BaserunMiddleware"
    for order in ([required, ours], [ours, required]):
        with override_settings(ROOT_URLCONF=_urls(inside, outside), MIDDLEWARE=[*usual, *order], LOGIN_URL="/login/"):
            refused = Client().get("/inside/")
            Client().get("/outside/")
            assert refused.status_code == 302

    assert [span.name for span in captured.calls] == ["chat outside", "chat outside"]


@pytest.mark.parametrize("where", ["/gone/", "/ordinary/"])
def test_client_that_leaves_a_stream(captured: Captured, call: Callable[[str], None], where: str, run: Run) -> None:
    """Under Django's ASGI handler, when the client leaves during a response, the trace ends as cancelled."""
    endless = asyncio.Event

    async def gone(request: HttpRequest) -> StreamingHttpResponse:
        async def body() -> AsyncIterator[str]:
            call("one")
            yield "one"
            await endless().wait()

        return StreamingHttpResponse(body(), content_type="text/event-stream")

    async def ordinary(request: HttpRequest) -> HttpResponse:
        call("one")
        await endless().wait()
        return HttpResponse()

    async def visit() -> None:
        communicator = ApplicationCommunicator(ASGIHandler(), {**SCOPE, "path": where, "raw_path": where.encode()})
        await communicator.send_input({"type": "http.request"})
        if where == "/gone/":
            start = await communicator.receive_output(30)
            assert start["status"] == 200
            assert (await communicator.receive_output(30))["body"] == b"one"
        else:
            while not captured.stats.captured:
                await asyncio.sleep(0.01)
        await communicator.send_input({"type": "http.disconnect"})
        await communicator.wait(30)

    with override_settings(ROOT_URLCONF=_urls(gone, ordinary)):
        run(visit())

    assert [(trace.status, trace.llm_calls) for trace in captured.traces] == [("cancelled", 1)]


def test_whole_answer_of_the_handler(captured: Captured, run: Run) -> None:
    """Django's ASGI handler sends the view's response, with our cookie in its headers."""

    async def visit() -> list[dict[str, Any]]:
        where = "/async-chat/orders/"
        communicator = ApplicationCommunicator(ASGIHandler(), {**SCOPE, "path": where, "raw_path": where.encode()})
        await communicator.send_input({"type": "http.request"})
        start, body = await communicator.receive_output(30), await communicator.receive_output(30)
        await communicator.wait(30)
        return [start, body]

    start, body = run(visit())

    assert (start["status"], body["body"], body.get("more_body", False)) == (200, b"answer", False)
    assert [value.partition(b"=")[0] for name, value in start["headers"] if name == b"Set-Cookie"] == [b"baserun"]


def test_middleware_that_rewrites_answers(captured: Captured) -> None:
    """GZipMiddleware and ConditionalGetMiddleware above us work as usual, and all requests are recorded."""
    above = ["django.middleware.gzip.GZipMiddleware", "django.middleware.http.ConditionalGetMiddleware"]
    with override_settings(MIDDLEWARE=[*above, "baserun_django.BaserunMiddleware"]):
        client = Client(headers={"accept-encoding": "gzip"})
        stream: Any = client.get("/stream/")
        compressed = b"".join(stream.streaming_content)
        first = client.get("/chat/orders/")
        again = client.get("/chat/orders/", headers={"if-none-match": first.headers["ETag"]})

    assert (stream.headers["Content-Encoding"], compressed[:2]) == ("gzip", b"\x1f\x8b")
    assert (again.status_code, again.content) == (304, b"")
    assert sorted(trace.llm_calls for trace in captured.traces) == [1, 1, 2]
    assert len(captured.sessions) == 1


def test_custom_user_without_an_address(captured: Captured, call: Callable[[str], None]) -> None:
    """The user of a model without an e-mail field is identified by a hash."""
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db import models

    class Member(AbstractBaseUser):
        name: Any = models.CharField(max_length=20, unique=True)
        USERNAME_FIELD = "name"

        class Meta:
            app_label = "baserun_django"

    def ask(request: HttpRequest) -> HttpResponse:
        request.user = Member(pk=7, name="member")
        call("ask")
        return HttpResponse()

    with override_settings(ROOT_URLCONF=_urls(ask)):
        Client().get("/ask/")

    (session,) = captured.sessions
    assert session.user_identifier is not None
    assert len(session.user_identifier) == 64


def test_nobody_is_looked_up_in_an_untouched_loop(captured: Captured, run: Run) -> None:
    """Under ASGI too, a request that touches no session does not load the user and adds no Vary."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    async def visit() -> Any:
        client = await _logged_in("anna")
        return await client.get("/plain/")

    with CaptureQueriesContext(connection) as queries:
        answer = run(visit())

    assert [query["sql"] for query in queries if "auth_user" in query["sql"] and '"id" =' in query["sql"]] == []
    assert "Vary" not in answer.headers
