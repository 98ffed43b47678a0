"""Tasks of Django 6: the calls of a task are in the session of the request that enqueued it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path

import baserun
from baserun.testing import Captured
from recorded_calls import record_prompt

tasks = pytest.importorskip("django.tasks", reason="Django 6 has them")

HERE: Any = sys.modules[__name__]
IMMEDIATE = {"default": {"BACKEND": "django.tasks.backends.immediate.ImmediateBackend"}}
LATER = {"default": {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}}


def _ask(text: str) -> None:
    record_prompt(text)


def summarize(text: str) -> None:
    """A task that runs in the request."""
    _ask(text)


def summarize_elsewhere(text: str, carried: dict[str, str]) -> None:
    """A task for a worker, with the session among its arguments."""
    with baserun.extract(carried):
        _ask(text)


def chat(request: HttpRequest, kind: str) -> HttpResponse:
    _ask("request")
    if kind == "here":
        HERE.summarize.enqueue("task")
    else:
        HERE.summarize_elsewhere.enqueue("task", baserun.inject({}))
    return HttpResponse()


async def chat_in_loop(request: HttpRequest, kind: str) -> HttpResponse:
    _ask("request")
    if kind == "here":
        await HERE.summarize.aenqueue("task")
    else:
        await HERE.summarize_elsewhere.aenqueue("task", baserun.inject({}))
    return HttpResponse()


@pytest.fixture(autouse=True)
def _tasks(project: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make tasks of the functions, now that Django is set up; it finds them by their names in this module."""
    for function in (summarize, summarize_elsewhere):
        monkeypatch.setattr(HERE, function.__name__, tasks.task(function))


urlpatterns = [path("chat/<slug:kind>/", chat), path("chat-in-loop/<slug:kind>/", chat_in_loop)]


@pytest.mark.parametrize("kind", ["here", "elsewhere"])
def test_task_that_runs_at_once(captured: Captured, kind: str) -> None:
    """A task that the immediate backend runs in the request is in its trace, with or without carried headers."""
    with override_settings(ROOT_URLCONF=__name__, TASKS=IMMEDIATE):
        Client().get(f"/chat/{kind}/")

    (trace,) = captured.traces
    assert [span.name for span in trace.spans or []] == ["chat request", "chat task"]


@pytest.mark.parametrize("kind", ["here", "elsewhere"])
async def test_task_that_runs_at_once_in_a_loop(captured: Captured, kind: str) -> None:
    """A task that an async view enqueues, and that the immediate backend runs at once, is in the request's trace."""
    with override_settings(ROOT_URLCONF=__name__, TASKS=IMMEDIATE):
        await AsyncClient().get(f"/chat-in-loop/{kind}/")

    (trace,) = captured.traces
    assert [span.name for span in trace.spans or []] == ["chat request", "chat task"]


def test_task_that_a_worker_runs_later(captured: Captured, in_new_thread: Callable[[Callable[[], None]], None]) -> None:
    """A task that a worker runs later is in the session and trace that were injected into its arguments."""
    with override_settings(ROOT_URLCONF=__name__, TASKS=LATER):
        Client().get("/chat/elsewhere/")
        (waiting,) = tasks.default_task_backend.results

        in_new_thread(lambda: waiting.task.call(*waiting.args, **waiting.kwargs))

    (session,) = captured.sessions
    assert [trace.llm_calls for trace in session.traces] == [2]  # type: ignore[union-attr]
