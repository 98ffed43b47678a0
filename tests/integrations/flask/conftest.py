"""Fixtures of the tests of Flask: a recorder, an application, calls to a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from baserun.instrumentation import CallDetails, finish_call, start_call
from baserun.testing import Captured, FakeClock, capture
from baserun_flask import Baserun

SECRET = "a secret of the tests, long enough"


class Told:
    """The source of a call's details, of which only the prompt varies."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt

    def describe(self) -> CallDetails:
        return CallDetails(provider="test", operation="chat", request_model="m", input_preview=self._prompt)


def _call(prompt: str = "hello") -> object:
    span = start_call(f"chat {prompt}")
    if span is not None:
        finish_call(span, Told(prompt), len(prompt))
    return None


@pytest.fixture
def call() -> Callable[..., object]:
    """A function that records a call to a model; the call's name contains the prompt."""
    return _call


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def captured(clock: FakeClock) -> Iterator[Captured]:
    with capture(clock=clock, instrument="none") as captured:
        yield captured


@pytest.fixture
def make_app(captured: Captured) -> Callable[..., Flask]:
    """A function that makes an application with the extension and a view that makes a call."""

    def make(**options: Any) -> Flask:
        app = Flask("tests_of_flask")
        app.secret_key = SECRET
        Baserun(app, **options)

        @app.post("/chat/<topic>")
        def chat(topic: str) -> str:
            _call(topic)
            return "answer"

        @app.get("/plain")
        def plain() -> str:
            return "nothing happens here"

        return app

    return make
