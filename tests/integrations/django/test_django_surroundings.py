"""Django requests in special conditions: other cookies, changed passwords, nested requests and middleware."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

import baserun
from baserun.testing import Captured
from baserun.web import ASGIMiddleware

ANNA = baserun.hash_user("anna@example.com")


def _anna() -> Any:
    from django.contrib.auth.models import User

    return User.objects.get(username="anna")


def test_cookie_within_another_sites_frame(captured: Captured) -> None:
    """With `cookie_partitioned` the cookie is partitioned, which neither Django nor Python before 3.14 supports."""
    with override_settings(BASERUN={"cookie_samesite": "none", "cookie_partitioned": True}):
        answer = Client().post("/chat/orders/", secure=True)

    ours = answer.cookies["__Host-baserun"].OutputString()
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned"} <= set(ours.split("; "))


@pytest.mark.parametrize("planted", ["before", "after"])
def test_cookie_planted_beside_ours(captured: Captured, planted: str) -> None:
    """A second cookie of our name, set by another host of the domain, does not hide the genuine one."""
    genuine = Client().post("/chat/orders/").cookies["baserun"].value
    both = [f"baserun={genuine}", "baserun=planted"]

    Client().post("/chat/orders/", headers={"cookie": "; ".join(both if planted == "after" else both[::-1])})

    assert [session.turns for session in captured.sessions] == [2]


def test_password_that_was_changed(captured: Captured) -> None:
    """When a changed password ends the login in Django, the visitor gets a linked session without a user."""
    person = _anna()
    client = Client()
    client.force_login(person)
    client.post("/chat/before/")
    before = person.password
    person.set_password("another one")
    person.save()
    try:
        client.post("/chat/after/")
    finally:
        person.password = before
        person.save()

    hers, nobodys = sorted(captured.sessions, key=lambda session: session.user_identifier is None)
    assert (hers.user_identifier, nobodys.user_identifier) == (ANNA, None)
    assert nobodys.previous_id == hers.id


def test_request_within_a_request(captured: Captured, call: Callable[[str], None]) -> None:
    """A request that a view makes to its own project has its own session; afterwards the view's is current."""

    def outer(request: HttpRequest) -> HttpResponse:
        call("before")
        Client().post("/chat/inner/")
        call("after")
        return HttpResponse()

    def chat(request: HttpRequest, topic: str) -> HttpResponse:
        call(topic)
        return HttpResponse()

    urls = type("Urls", (), {"urlpatterns": (path("outer/", outer), path("chat/<slug:topic>/", chat))})
    with override_settings(ROOT_URLCONF=urls):
        Client().get("/outer/")

    calls = {trace.name: [span.name for span in trace.spans or []] for trace in captured.traces}
    assert calls == {"GET /outer/": ["chat before", "chat after"], "POST /chat/<slug:topic>/": ["chat inner"]}
    assert len(captured.sessions) == 2


def test_project_below_the_asgi_middleware(captured: Captured) -> None:
    """With the ASGI middleware around Django's, only the outer one acts: one trace and one cookie."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "method": "POST",
        "path": "/chat/orders/",
        "query_string": b"",
        "headers": [(b"host", b"example.com")],
    }

    async def send(message: Any) -> None:
        sent.append(message)

    coming: list[Any] = [{"type": "http.request", "body": b""}]

    async def receive() -> Any:
        if not coming:
            await anyio.sleep_forever()
        return coming.pop()

    anyio.run(ASGIMiddleware(ASGIHandler()), scope, receive, send)

    assert [name.lower() for name, _ in sent[0]["headers"]].count(b"set-cookie") == 1
    assert [(trace.name, trace.llm_calls) for trace in captured.traces] == [("POST /chat/orders/", 1)]
