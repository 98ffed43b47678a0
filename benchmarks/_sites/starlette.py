"""A Starlette application."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from baserun_starlette import BaserunMiddleware
from benchmarks._sites._libraries import OURS, call, opentelemetry, sentry
from benchmarks._sites._requests import ASGISite

SECRET = "a secret of the benchmarks"


def site(variant: str) -> ASGISite:
    """Make the application of `variant`."""
    if variant == "sentry":
        from sentry_sdk.integrations.starlette import StarletteIntegration

        sentry(StarletteIntegration())
    app: Any = Starlette(routes=[Route("/plain", plain), Route("/own", own), Route("/called", called)])
    if variant == "own session":
        app.add_middleware(SessionMiddleware, secret_key=SECRET)
    if variant in OURS:
        app.add_middleware(BaserunMiddleware, secret=SECRET)
    if variant == "opentelemetry":
        from opentelemetry.instrumentation.starlette import StarletteInstrumentor

        StarletteInstrumentor.instrument_app(app, tracer_provider=opentelemetry())
    return ASGISite(app, {"own session": "/own", OURS[1]: "/called"}.get(variant, "/plain"))


async def plain(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def own(request: Request) -> PlainTextResponse:
    request.session["n"] = request.session.get("n", 0) + 1
    return PlainTextResponse("hello")


async def called(request: Request) -> PlainTextResponse:
    call()
    return PlainTextResponse("hello")
