"""The chat, answered by the offline model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import pytest
from flask.testing import FlaskClient

import baserun
from baserun.store import StoredCall, StoredSession
from baserun.testing import Fault, OfflineModel

Ask = Callable[[str], list[dict[str, Any]]]

# Before all other fixtures: it sets the API key, without which no client can be made.
pytestmark = pytest.mark.usefixtures("baserun_offline")


def test_strangers_have_to_log_in(client: FlaskClient) -> None:
    """Nobody can talk to the model without logging in."""
    assert client.get("/").location.startswith("/login")
    assert client.post("/messages", json={"message": "Hello"}).location.startswith("/login")


def test_without_a_password_nobody_is_staff(client: FlaskClient) -> None:
    """An empty password, such as that of an empty variable, opens the pages to nobody."""
    client.application.config["STAFF_PASSWORD"] = ""

    client.post("/login", data={"email": "staff@example.com", "password": ""})

    assert client.get("/").status_code == 200
    assert client.get("/baserun/sessions").status_code == 403


def test_answers_are_streamed(ask: Ask) -> None:
    """An answer comes piece by piece and ends with its feedback token."""
    *pieces, last = ask("Count to 5")

    assert [piece["text"] for piece in pieces] == ["1", " 2", " 3", " 4", " 5"]
    assert last.keys() == {"feedback_token"}


def test_nothing_is_kept_of_an_answer_that_failed(client: FlaskClient, ask: Ask, baserun_offline: OfflineModel) -> None:
    """If the model does not answer, the page says so, and no empty message is kept."""
    baserun_offline.next(Fault(status=400))

    problem, _ = ask("Hello")

    assert problem["error"].startswith("The model does not answer")
    assert client.get("/").text.count("<article") == 1


def test_orders_are_looked_up(ask: Ask, baserun_calls: Sequence[StoredCall]) -> None:
    """The model asks for the order, and its answer uses the result."""
    ask("Where is my order 4711?")

    asked, answered = baserun_calls
    assert [call["arguments"] for call in asked.tool_calls or ()] == ['{"number": 4711}']
    assert "fountain pen" in str(answered.output)


def test_feedback_is_kept(client: FlaskClient, ask: Ask, email: str) -> None:
    """A thumbs down counts in the session's feedback score."""
    *_, last = ask("Hello")

    response = client.post("/feedback", json={"token": last["feedback_token"], "thumbsup": False})

    assert response.status_code == 204
    assert [session.feedback_score for session in sessions_of(email)] == [0]


def test_a_new_conversation_is_a_new_session(client: FlaskClient, ask: Ask, email: str) -> None:
    """After "New conversation" the page is empty and the conversation is recorded in a new session."""
    ask("I like ink")
    client.post("/new")
    ask("What do I like?")

    assert "I like ink" not in client.get("/").text
    assert [session.first_input for session in sessions_of(email)] == ["What do I like?", "I like ink"]


def sessions_of(email: str) -> list[StoredSession]:
    """Return the sessions that Baserun recorded for a user, the latest first."""
    baserun.flush()
    with closing(baserun.open_store()) as store:
        return list(store.sessions(user=baserun.hash_user(email)))
