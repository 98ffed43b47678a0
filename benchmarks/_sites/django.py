"""A Django project under WSGI and under ASGI."""

from __future__ import annotations

from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path

from benchmarks._sites._libraries import OURS, call, opentelemetry, sentry
from benchmarks._sites._requests import ASGISite, WSGISite

OWN = "django.contrib.sessions.middleware.SessionMiddleware"


def wsgi(variant: str) -> WSGISite:
    """Make the project of `variant`, under WSGI."""
    from django.core.handlers.wsgi import WSGIHandler

    return WSGISite(_handler(WSGIHandler, variant), _path(variant, "/"))


def asgi(variant: str) -> ASGISite:
    """Make the project of `variant`, under ASGI."""
    from django.core.handlers.asgi import ASGIHandler

    return ASGISite(_handler(ASGIHandler, variant), _path(variant, "/in-loop/"))


def _handler(kind: Any, variant: str) -> Any:
    if not settings.configured:
        settings.configure(
            SECRET_KEY="a secret of the benchmarks",
            ALLOWED_HOSTS=["*"],
            ROOT_URLCONF=__name__,
            SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
            MIDDLEWARE=[],
            USE_TZ=True,
        )
        django.setup()
    if variant == "sentry":
        from sentry_sdk.integrations.django import DjangoIntegration

        sentry(DjangoIntegration())
    settings.MIDDLEWARE = ["baserun_django.BaserunMiddleware"] if variant in OURS else []
    if variant == "own session":
        settings.MIDDLEWARE = [OWN]
    if variant == "opentelemetry":
        from opentelemetry.instrumentation.django import DjangoInstrumentor

        DjangoInstrumentor().instrument(tracer_provider=opentelemetry())
    return kind()  # reads MIDDLEWARE once, here


def _path(variant: str, prefix: str) -> str:
    return prefix + {"own session": "own", OURS[1]: "called"}.get(variant, "plain")


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse("hello")


def own(request: Any) -> HttpResponse:
    request.session["n"] = request.session.get("n", 0) + 1
    return HttpResponse("hello")


def called(request: HttpRequest) -> HttpResponse:
    call()
    return HttpResponse("hello")


async def plain_in_loop(request: HttpRequest) -> HttpResponse:
    return plain(request)


async def own_in_loop(request: Any) -> HttpResponse:
    await request.session.aset("n", await request.session.aget("n", 0) + 1)
    return HttpResponse("hello")


async def called_in_loop(request: HttpRequest) -> HttpResponse:
    return called(request)


urlpatterns = [
    path("plain", plain),
    path("own", own),
    path("called", called),
    path("in-loop/plain", plain_in_loop),
    path("in-loop/own", own_in_loop),
    path("in-loop/called", called_in_loop),
]
