"""A Django project of one file, and fixtures of its tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import login, logout
from django.db import connections
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import override_settings
from django.urls import path

import baserun
from baserun.testing import Captured, FakeClock, capture
from baserun_django import feedback_view
from recorded_calls import record_prompt


def chat(request: HttpRequest, topic: str) -> HttpResponse:
    record_prompt(topic)
    return HttpResponse("answer")


async def async_chat(request: HttpRequest, topic: str) -> HttpResponse:
    record_prompt(topic)
    return HttpResponse("answer")


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nothing happens here")


def show(request: HttpRequest) -> HttpResponse:
    session: Any = request.baserun_session  # type: ignore[attr-defined]
    return HttpResponse(session.id)


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def body() -> Iterator[str]:
        record_prompt("one")
        yield "one"
        record_prompt("two")
        yield "two"

    return StreamingHttpResponse(body(), content_type="text/event-stream")


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    async def body() -> AsyncIterator[str]:
        record_prompt("one")
        yield "one"
        record_prompt("two")
        yield "two"

    return StreamingHttpResponse(body(), content_type="text/event-stream")


def file(request: HttpRequest) -> FileResponse:
    record_prompt("file")
    return FileResponse(Path(__file__).open("rb"))


def boom(request: HttpRequest) -> HttpResponse:
    record_prompt("boom")
    raise LookupError("no such order")


def missing(request: HttpRequest) -> HttpResponse:
    record_prompt("missing")
    raise Http404


def log_in(request: HttpRequest, name: str) -> HttpResponse:
    from django.contrib.auth.models import User

    record_prompt("before")
    login(request, User.objects.get(username=name))
    record_prompt("after")
    return HttpResponse()


def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    record_prompt("logout")
    return HttpResponse()


def new(request: HttpRequest) -> HttpResponse:
    request.baserun_session.end()  # type: ignore[attr-defined]
    record_prompt("afresh")
    return HttpResponse()


def ask(request: HttpRequest) -> HttpResponse:
    record_prompt("ask")
    trace: Any = baserun.current_trace()
    return HttpResponse(trace.feedback_token)


urlpatterns = [
    path("chat/<slug:topic>/", chat),
    path("async-chat/<slug:topic>/", async_chat),
    path("plain/", plain),
    path("show/", show),
    path("stream/", stream),
    path("async-stream/", async_stream),
    path("file/", file),
    path("boom/", boom),
    path("missing/", missing),
    path("login/<slug:name>/", log_in),
    path("logout/", log_out),
    path("new/", new),
    path("ask/", ask),
    path("feedback/", feedback_view),
]


@pytest.fixture(scope="session")
def project(django_set_up: None) -> None:
    """Django, with three users in its database."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.db import connections

    call_command("migrate", verbosity=0)
    for name in ("anna", "bert", "carl"):
        if not User.objects.filter(username=name).exists():
            User.objects.create_user(name, "" if name == "carl" else f"{name}@example.com")
    connections.close_all()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def captured(project: None, clock: FakeClock) -> Iterator[Captured]:
    from django.db import connections

    with capture(clock=clock, instrument="none") as captured, override_settings(ROOT_URLCONF=__name__):
        yield captured
    connections.close_all()


@pytest.fixture
def call() -> Callable[[str], None]:
    """A function that records a call to a model; the call's name contains the prompt."""
    return record_prompt


@pytest.fixture
def names() -> Callable[[Captured], list[list[str]]]:
    """A function that returns the names of the calls of each session."""

    def of(captured: Captured) -> list[list[str]]:
        return [[span.name for trace in _traces(session) for span in trace.spans] for session in captured.sessions]

    return of


def _traces(session: Any) -> list[Any]:
    return list(session.traces)


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """A function that runs a coroutine, and then closes the database connections of Django's thread."""

    async def whole(visit: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await visit
        finally:
            await sync_to_async(connections.close_all)()

    return lambda visit: asyncio.run(whole(visit))


@pytest.fixture
def in_new_thread() -> Callable[[Callable[[], None]], None]:
    """A function that runs another in a new thread, without the test's context."""

    def run(work: Callable[[], None]) -> None:
        with ThreadPoolExecutor(1) as executor:
            executor.submit(work).result(60)

    return run
