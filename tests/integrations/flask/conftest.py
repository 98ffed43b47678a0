"""Fixtures of the tests of Flask: a recorder, an application, calls to a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from baserun.testing import Captured, FakeClock, capture
from baserun_flask import Baserun

SECRET = "a secret of the tests, long enough"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def captured(clock: FakeClock) -> Iterator[Captured]:
    with capture(clock=clock, instrument="none") as captured:
        yield captured


@pytest.fixture
def make_app(captured: Captured, call: Callable[..., None]) -> Callable[..., Flask]:
    """A function that makes an application with the extension and a view that makes a call."""

    def make(**options: Any) -> Flask:
        app = Flask("tests_of_flask")
        app.secret_key = SECRET
        Baserun(app, **options)

        @app.post("/chat/<topic>")
        def chat(topic: str) -> str:
            call(topic)
            return "answer"

        @app.get("/plain")
        def plain() -> str:
            return "nothing happens here"

        return app

    return make
