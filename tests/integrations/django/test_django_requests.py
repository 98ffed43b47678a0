"""Requests of Django projects: their session, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.test import AsyncClient, Client, RequestFactory, override_settings

import baserun
from baserun.testing import Captured, FakeClock
from baserun_django import BaserunMiddleware

Run = Callable[[Coroutine[Any, Any, Any]], Any]
Names = Callable[[Captured], list[list[str]]]


def test_requests_of_one_browser_are_one_session(captured: Captured, names: Names) -> None:
    """The cookie set by the first response brings the second request into the same session."""
    client = Client()

    client.get("/chat/orders/")
    client.get("/chat/refunds/")

    assert names(captured) == [["chat orders", "chat refunds"]]


def test_trace_is_named_by_its_route(captured: Captured) -> None:
    """A trace is named by its URL pattern, not the path; method and status code are in its metadata."""
    Client().get("/chat/orders/")

    (trace,) = captured.traces

    assert (trace.name, trace.kind, trace.status) == ("GET /chat/<slug:topic>/", "request", "ok")
    assert trace.metadata == {"method": "GET", "route": "/chat/<slug:topic>/", "status_code": 200}


def test_untouched_request_leaves_no_trace(captured: Captured) -> None:
    """A request in which nothing is recorded gets no cookie and no Vary, and nothing is stored."""
    answer = Client().get("/plain/")

    assert "baserun" not in answer.cookies
    assert "Vary" not in answer.headers
    assert captured.stats.captured == 0


def test_response_with_the_cookie_is_private(captured: Captured) -> None:
    """A response with the cookie forbids shared caches to give it to another visitor."""
    answer = Client().get("/chat/orders/")

    assert answer.cookies["baserun"]["httponly"] is True
    assert "Cookie" in answer.headers["Vary"]
    assert "private" in answer.headers["Cache-Control"]


def test_cookie_of_https_has_the_host_prefix(captured: Captured) -> None:
    """On https the cookie is Secure and has the ``__Host-`` prefix, so that other hosts of the domain cannot set it."""
    answer = Client().get("/chat/orders/", secure=True)

    assert answer.cookies["__Host-baserun"]["secure"] is True


def test_view_finds_the_session_at_the_request(captured: Captured) -> None:
    """``request.baserun_session`` is the session of the request, and reading its id touches it."""
    answer = Client().get("/show/")

    (session,) = captured.sessions
    assert answer.content.decode() == session.id


@pytest.mark.parametrize("where", ["/async-chat/orders/", "/chat/orders/"])
def test_asynchronous_handler(captured: Captured, names: Names, where: str, run: Run) -> None:
    """Under ASGI the calls of async and sync views are in the session of their request."""

    async def visit() -> None:
        client = AsyncClient()
        await client.get(where)
        await client.get(where)

    run(visit())

    assert names(captured) == [["chat orders", "chat orders"]]


def test_asynchronous_view_under_wsgi(captured: Captured, names: Names) -> None:
    """Under WSGI the calls of an async view, which Django runs in its own loop, are in the session too."""
    Client().get("/async-chat/orders/")

    assert names(captured) == [["chat orders"]]


def test_middleware_is_native_in_both_worlds(captured: Captured) -> None:
    """Django needs no adapter: the middleware is async if what it wraps is async, otherwise sync."""

    async def below(request: Any) -> Any: ...

    native = iscoroutinefunction(BaserunMiddleware(below).__acall__)
    ordinary = BaserunMiddleware(lambda request: None)

    assert native
    assert not iscoroutinefunction(ordinary)


def test_call_while_the_body_is_produced(captured: Captured) -> None:
    """Calls in the generator of a streamed answer are in the request's session; the trace ends with the body."""
    answer: Any = Client().get("/stream/")
    body = b"".join(answer.streaming_content)

    (trace,) = captured.traces
    assert body == b"onetwo"
    assert [span.name for span in trace.spans or []] == ["chat one", "chat two"]
    assert trace.status == "ok"
    assert baserun.current_session() is None


def test_call_while_an_asynchronous_body_is_produced(captured: Captured, run: Run) -> None:
    """Calls in an async generator under ASGI are in the request's trace, and the body stays async."""

    async def visit() -> tuple[bool, bytes]:
        answer: Any = await AsyncClient().get("/async-stream/")
        return answer.is_async, b"".join([part async for part in answer.streaming_content])

    is_async, body = run(visit())

    (trace,) = captured.traces
    assert (is_async, body) == (True, b"onetwo")
    assert (trace.llm_calls, trace.status) == (2, "ok")


def test_live_stream_carries_a_cookie(captured: Captured) -> None:
    """A live stream carries the cookie, although its headers are sent before its calls are made."""
    answer: Any = Client().get("/stream/")
    answer.close()

    assert "baserun" in answer.cookies


def test_client_that_leaves_a_stream(captured: Captured) -> None:
    """When the body is closed before its end, the trace is cancelled."""
    answer: Any = Client().get("/stream/")
    next(answer.streaming_content)
    answer.close()

    assert [trace.status for trace in captured.traces] == ["cancelled"]


def test_file_is_sent_as_ever(captured: Captured) -> None:
    """A FileResponse is sent whole, and its trace ends when it is closed."""
    answer: Any = Client().get("/file/")
    body = b"".join(answer.streaming_content)
    answer.close()

    assert b"A Django project of one file" in body
    assert [trace.status for trace in captured.traces] == ["ok"]


def test_view_that_raises(captured: Captured) -> None:
    """The response is Django's own 500, and the trace has the exception."""
    answer = Client(raise_request_exception=False).get("/boom/")

    (trace,) = captured.traces
    assert answer.status_code == 500
    assert trace.error is not None
    assert (trace.status, trace.error.type, trace.error.message) == ("error", "LookupError", "no such order")


def test_exception_passes_untouched(captured: Captured) -> None:
    """The view's exception reaches Django's test client."""
    with pytest.raises(LookupError, match="no such order"):
        Client().get("/boom/")


def test_page_that_is_not_there_is_no_error(captured: Captured) -> None:
    """A 404 that a view raises is no error of the trace."""
    answer = Client().get("/missing/")

    assert answer.status_code == 404
    assert [(trace.status, trace.error) for trace in captured.traces] == [("ok", None)]


def test_excluded_paths(captured: Captured) -> None:
    """On an excluded path no cookie is set and nothing is recorded."""
    with override_settings(BASERUN={"excluded": ["/chat/*"], "EXCLUDED": ["/chat/*"]}):
        answer = Client().get("/chat/orders/")

    assert "baserun" not in answer.cookies
    assert captured.sessions == []


def test_settings_can_be_overridden(captured: Captured) -> None:
    """`override_settings` changes an option, written in capitals, within its block only."""
    with override_settings(BASERUN={"COOKIE": "conversation"}):
        inside = Client().get("/chat/orders/")
    outside = Client().get("/chat/orders/")

    assert "conversation" in inside.cookies
    assert "baserun" in outside.cookies


def test_rotated_secret_still_resumes(captured: Captured, names: Names) -> None:
    """A token signed with a key that has become a fallback resumes its session; one with a dropped key does not."""
    client = Client()
    client.get("/chat/first/")
    with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["a secret of the tests, long enough"]):
        client.get("/chat/second/")
    with override_settings(SECRET_KEY="newer"):
        client.get("/chat/third/")

    assert sorted(names(captured)) == [["chat first", "chat second"], ["chat third"]]


def test_listed_twice_acts_once(captured: Captured) -> None:
    """If the middleware is listed twice, only one acts."""
    ours = "baserun_django.BaserunMiddleware"
    with override_settings(MIDDLEWARE=[ours, ours]):
        Client().get("/chat/orders/")

    assert len(captured.traces) == 1


def test_project_without_users(captured: Captured) -> None:
    """The middleware works without Django's sessions and authentication."""
    with override_settings(MIDDLEWARE=["baserun_django.BaserunMiddleware"]):
        Client().get("/chat/orders/")

    assert [session.user_identifier for session in captured.sessions] == [None]


def test_wrong_option_stops_the_server_from_starting(captured: Captured) -> None:
    """A misspelt option is refused when the middleware is created, and the error suggests the right one."""
    with (
        override_settings(BASERUN={"exclude": ["/health"]}),
        pytest.raises(ValueError, match="did you mean 'excluded'"),
    ):
        BaserunMiddleware(lambda request: None)


def test_request_factory(captured: Captured) -> None:
    """A request of `RequestFactory`, which passes no middleware, has no `baserun_session`."""
    request = RequestFactory().get("/plain/")

    assert not hasattr(request, "baserun_session")


def test_idle_session_is_followed(captured: Captured, clock: FakeClock) -> None:
    """After half an hour without requests the same browser gets a new session, linked to the previous one."""
    client = Client()
    client.get("/chat/morning/")
    clock.advance(31 * 60)
    client.get("/chat/noon/")

    first, second = captured.sessions
    assert second.previous_id == first.id


def test_new_conversation(captured: Captured, clock: FakeClock, names: Names) -> None:
    """After a view ends the session, the next call begins another."""
    client = Client()
    client.get("/chat/before/")
    clock.advance(1)
    client.get("/new/")
    client.get("/chat/later/")

    assert names(captured) == [["chat before"], ["chat afresh", "chat later"]]


def test_cache_never_hands_out_a_cookie(captured: Captured) -> None:
    """Django's cache middleware above us stores no response with our cookie."""
    cached = [
        "django.middleware.cache.UpdateCacheMiddleware",
        "baserun_django.BaserunMiddleware",
        "django.middleware.cache.FetchFromCacheMiddleware",
    ]
    caches = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "baserun-tests"}}
    with override_settings(MIDDLEWARE=cached, CACHES=caches):
        first = Client().get("/chat/orders/")
        second = Client().get("/chat/orders/")

    assert first.cookies["baserun"].value != second.cookies["baserun"].value
    assert len(captured.sessions) == 2
