"""Sites on common servers: two users chat at the same time, before and after a restart of the server."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, NamedTuple

import django
import flask_login  # noqa: F401  (a site needs it)
import gevent  # noqa: F401  (a server needs it)
import gunicorn  # type: ignore[import-untyped]
import httpx
import openai  # noqa: F401  (both sites need it)
import pytest
import uvicorn

import baserun
from baserun.store import StoredCall, StoredSession, StoredSpan, StoredTrace
from baserun.testing import OfflineModel
from waiting import eventually

PEOPLE = ("anna", "bert")
BEFORE = ("first", "second")
AFTER = ("again",)
GUNICORN = ("-m", gunicorn.__name__, "--no-control-socket", "--bind", "127.0.0.1:{port}")
SYNC = (*GUNICORN, "--workers", "2")
GREENLETS = (*GUNICORN, "--worker-class", "gevent")
THREADS = (*GUNICORN, "--worker-class", "gthread", "--threads", "4")
DJANGO = ("-m", django.__name__)
SETTINGS = {"DJANGO_SETTINGS_MODULE": "django_site"}
WSGI = "django.core.wsgi:get_wsgi_application()"


class Served(NamedTuple):
    """The command that serves a site, and how to use it."""

    command: tuple[str, ...]
    chat: str = "/chat/"
    slow: bool = False
    """Whether it is left to the environment `storm`, which takes minutes."""
    writes_at_exit: bool = False
    """Whether the queue is written when the server ends; otherwise only what was recorded 50 ms before."""


SERVERS = {
    "flask-own": Served(("-m", "flask", "--app", "flask_site", "run", "--port", "{port}")),
    "flask-gunicorn-sync": Served((*SYNC, "flask_site:app"), writes_at_exit=True),
    "flask-gunicorn-gthread": Served((*THREADS, "flask_site:app"), slow=True, writes_at_exit=True),
    "flask-gunicorn-gevent": Served((*GREENLETS, "flask_site:app"), writes_at_exit=True),
    "django-runserver": Served((*DJANGO, "runserver", "--noreload", "127.0.0.1:{port}")),
    "django-gunicorn-sync": Served((*SYNC, WSGI), slow=True, writes_at_exit=True),
    "django-gunicorn-gthread": Served((*THREADS, WSGI), writes_at_exit=True),
    "django-uvicorn": Served(
        ("-m", uvicorn.__name__, "--port", "{port}", "--factory", "django.core.asgi:get_asgi_application"),
        chat="/chat-in-loop/",
    ),
    "django-uvicorn-ordinary-views": Served(
        ("-m", uvicorn.__name__, "--port", "{port}", "--factory", "django.core.asgi:get_asgi_application"),
        slow=True,
    ),
}
if sys.version_info < (3, 13):  # from 3.13 on such a worker hangs once `openai` is imported, without us too
    # Here the application with its middleware is loaded before gevent replaces the primitives that it waits with.
    SERVERS["flask-gunicorn-gevent-preload"] = Served((*GREENLETS, "--preload", "flask_site:app"), writes_at_exit=True)


class Seen(NamedTuple):
    """The results of a visit of two users."""

    answers: dict[str, list[str]]
    sessions: list[StoredSession]
    problems: list[str]


class Browser:
    """The browser of one user."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._client = httpx.Client(timeout=60)
        self._url = ""

    def visit(self, url: str) -> None:
        self._url = url

    def log_in(self) -> None:
        self._client.post(self._url + "/login/", data={"name": self.name}).raise_for_status()

    def ask(self, path: str, message: str) -> str:
        """Send a message; return the streamed answer."""
        with self._client.stream("POST", self._url + path, data={"message": message}) as response:
            return "".join(response.raise_for_status().iter_text())

    def close(self) -> None:
        self._client.close()


def _meeting_model() -> OfflineModel:
    """Return a model that waits for two requests before it answers, so that the users are served at the same time."""
    meeting = threading.Barrier(len(PEOPLE))

    def reply(messages: list[dict[str, str]]) -> str:
        meeting.wait(60)
        return f"You said {messages[-1]['content']}."

    return OfflineModel(reply=reply)


PARAMETERS = [
    pytest.param(served, id=name, marks=[pytest.mark.storm] if served.slow else []) for name, served in SERVERS.items()
]


@pytest.fixture(name="seen", scope="module", params=PARAMETERS)
def _seen(request: pytest.FixtureRequest, make_place: Any, free_port: Any) -> Seen:
    """Two users log in, ask twice at the same time, and once more after a restart of the server."""
    served: Served = request.param
    with ExitStack() as stack:
        model = stack.enter_context(_meeting_model())
        place = make_place({**SETTINGS, **model.environment()})
        if "flask_site" not in " ".join(served.command):
            place.run(*DJANGO, "migrate", "--verbosity", "0")
        browsers = [Browser(name) for name in PEOPLE]
        for browser in browsers:
            stack.callback(browser.close)
        answers: dict[str, list[str]] = {name: [] for name in PEOPLE}
        for turns in (BEFORE, AFTER):
            port = free_port()
            with place.running(*(part.format(port=port) for part in served.command)) as written:
                eventually(lambda: _is_ready(port, written))  # noqa: B023  (used up at once)
                for browser in browsers:
                    browser.visit(f"http://127.0.0.1:{port}")
                    if turns is BEFORE:
                        browser.log_in()
                _ask_at_once(browsers, served.chat, turns, answers)
                expected = len(PEOPLE) * (len(BEFORE) + (len(AFTER) if turns is AFTER else 0))
                if not served.writes_at_exit:
                    eventually(lambda: place.calls() == expected)  # noqa: B023
    return Seen(answers, place.sessions(), place.problems())


def _is_ready(port: int, written: Callable[[], str]) -> bool:
    written()  # fails with the server's output, if it has ended
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ready/", timeout=10).text == "ready"
    except httpx.TransportError:
        return False


def _ask_at_once(browsers: list[Browser], path: str, turns: tuple[str, ...], answers: dict[str, list[str]]) -> None:
    def ask(browser: Browser) -> None:
        for turn in turns:
            answers[browser.name].append(browser.ask(path, f"{browser.name} {turn}"))

    with ThreadPoolExecutor(len(browsers)) as executor:
        list(executor.map(ask, browsers))


def _traces(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces


def test_everybody_gets_their_own_answers(seen: Seen) -> None:
    """The sites work as without us: each user gets their own streamed answers, complete."""
    assert seen.answers == {name: [f"You said {name} {turn}." for turn in (*BEFORE, *AFTER)] for name in PEOPLE}


def test_every_call_is_in_the_session_of_its_user(seen: Seen) -> None:
    """Two users have two sessions, also across the restart, each with the user's own calls."""
    said = {
        session.user_identifier: [span.input[-1]["content"] for trace in _traces(session) for span in trace.spans or []]
        for session in seen.sessions
    }

    assert len(seen.sessions) == len(PEOPLE)
    assert said == {
        baserun.hash_user(f"{name}@example.com"): [f"{name} {turn}" for turn in (*BEFORE, *AFTER)] for name in PEOPLE
    }


def test_every_request_is_one_whole_trace(seen: Seen) -> None:
    """Every request is one trace that ended, with its one streamed call."""
    traces = [trace for session in seen.sessions for trace in _traces(session)]

    assert Counter((trace.status, trace.llm_calls) for trace in traces) == {("ok", 1): 6}
    assert {_ending(span) for trace in traces for span in trace.spans or []} == {"complete"}


def test_the_end_of_a_server_loses_nothing(seen: Seen) -> None:
    """After two ends by SIGTERM the store is intact and has all calls."""
    assert seen.problems == []
    assert sum(session.llm_calls for session in seen.sessions) == len(PEOPLE) * len((*BEFORE, *AFTER))


def _ending(span: StoredSpan) -> str | None:
    assert isinstance(span, StoredCall)
    return span.stream_end
