"""The chat, answered by a model that works offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient

import baserun
from baserun.store import StoredCall, StoredSession

Ask = Callable[[str], list[dict[str, Any]]]

# Before all other fixtures: it brings the key without which no client can be made.
pytestmark = pytest.mark.usefixtures("baserun_offline")


def test_strangers_have_to_log_in(client: FlaskClient) -> None:
    """Nobody talks to the model without a name."""
    assert client.get("/").location.startswith("/login")
    assert client.post("/messages", json={"message": "Hello"}).location.startswith("/login")


def test_answers_are_streamed(ask: Ask) -> None:
    """An answer comes piece by piece, and at its end what feedback on it needs."""
    *pieces, last = ask("Count to 5")

    assert [piece["text"] for piece in pieces] == ["1", " 2", " 3", " 4", " 5"]
    assert last.keys() == {"feedback_token"}


def test_orders_are_looked_up(ask: Ask, baserun_calls: Sequence[StoredCall]) -> None:
    """The model asks for the order, and answers with what it was told."""
    ask("Where is my order 4711?")

    asked, answered = baserun_calls
    assert [call["arguments"] for call in asked.tool_calls or ()] == ['{"number": 4711}']
    assert "fountain pen" in str(answered.output)


def test_feedback_is_kept(client: FlaskClient, ask: Ask, email: str) -> None:
    """A thumb that is turned down counts for the session."""
    *_, last = ask("Hello")

    response = client.post("/feedback", json={"token": last["feedback_token"], "thumbsup": False})

    assert response.status_code == 204
    assert [session.feedback_score for session in sessions_of(email)] == [0]


def test_a_new_conversation_is_a_new_session(client: FlaskClient, ask: Ask, email: str) -> None:
    """After "New conversation" the page is empty, and the model hears nothing of what was before."""
    ask("I like ink")
    client.post("/new")
    ask("What do I like?")

    assert "I like ink" not in client.get("/").text
    assert [session.first_input for session in sessions_of(email)] == ["What do I like?", "I like ink"]


def sessions_of(email: str) -> list[StoredSession]:
    """What Baserun has recorded of somebody, the latest first."""
    baserun.flush()
    with closing(baserun.open_store()) as store:
        return list(store.sessions(user=baserun.hash_user(email)))
