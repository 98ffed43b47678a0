"""A Flask application."""

from __future__ import annotations

from typing import Any

from flask import Flask, session

from baserun_flask import Baserun
from benchmarks._sites._libraries import OURS, call, opentelemetry, sentry
from benchmarks._sites._requests import WSGISite


def site(variant: str) -> WSGISite:
    """Make the application of `variant`."""
    if variant == "sentry":
        from sentry_sdk.integrations.flask import FlaskIntegration

        sentry(FlaskIntegration())
    app = Flask("benchmarks")
    app.secret_key = "a secret of the benchmarks"
    app.add_url_rule("/plain", view_func=plain)
    app.add_url_rule("/own", view_func=own)
    app.add_url_rule("/called", view_func=called)
    if variant in OURS:
        Baserun(app)
    if variant == "opentelemetry":
        from opentelemetry.instrumentation.flask import FlaskInstrumentor

        FlaskInstrumentor().instrument_app(app, tracer_provider=opentelemetry())
    return WSGISite(app, {"own session": "/own", OURS[1]: "/called"}.get(variant, "/plain"))


def plain() -> str:
    return "hello"


def own() -> str:
    held: Any = session
    held["n"] = held.get("n", 0) + 1
    return "hello"


def called() -> str:
    call()
    return "hello"
