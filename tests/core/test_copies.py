"""Copies and pickles of live sessions, traces and spans."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest

import baserun
from baserun.testing import Captured
from baserun.web import WSGIMiddleware


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_the_same(captured: Captured, copied: Callable[[Any], Any]) -> None:
    """A copy of a session, trace or span is the object itself, so that ending the copy ends the session."""
    session = baserun.start_session("ada", "chat")
    with baserun.start_trace("t") as trace, baserun.span("s") as span:
        copies = [copied(each) for each in (session, trace, span)]

    copies[0].end()

    assert copies == [session, trace, span]
    assert baserun.current_session() is None


def test_a_started_session_can_be_pickled(captured: Captured) -> None:
    """An unpickled session has the id, user and metadata of the original, and ending it ends the stored session."""
    session = baserun.start_session("ada", "chat", metadata={"plan": "pro"})
    arrived = pickle.loads(pickle.dumps(session))
    arrived.end()

    assert (arrived.id, arrived.user_identifier, arrived.metadata) == ("chat", "ada", {"plan": "pro"})
    assert baserun.current_session() is session
    assert captured.sessions[0].ended_at is not None


def test_the_session_of_a_request_can_be_pickled(captured: Captured) -> None:
    """The session of a web request is pickled without its request."""
    arrived: list[baserun.Session] = []

    def app(environ: Any, start_response: Any) -> list[bytes]:
        arrived.append(pickle.loads(pickle.dumps(baserun.current_session())))
        start_response("200 OK", [])
        return [b""]

    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    list(WSGIMiddleware(app)(environ, lambda *given: lambda data: None))

    assert [session.id for session in captured.sessions] == [arrived[0].id]
