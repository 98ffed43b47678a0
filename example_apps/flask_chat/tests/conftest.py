"""Somebody who talks to the chat, through Flask's own test client."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from flask_chat import create_app

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """A browser; the application behind it has a database of its own."""
    return create_app({"TESTING": True, "DATABASE": str(tmp_path / "chat.sqlite3")}).test_client()


@pytest.fixture
def email() -> str:
    """Of somebody new in each test: with `pytest --baserun` all of them are recorded into one store."""
    return f"ada-{uuid4()}@example.com"


@pytest.fixture
def ask(client: FlaskClient, email: str) -> Ask:
    """Says something, as somebody who has logged in, and gives the lines of the answer."""
    client.post("/login", data={"email": email})

    def ask(message: str) -> list[dict[str, Any]]:
        response = client.post("/messages", json={"message": message})
        assert response.status_code == 200
        return [json.loads(line) for line in response.text.splitlines()]

    return ask


@pytest.fixture
def drive(ask: Ask) -> Callable[[str], str]:
    """Says a turn of a recorded session: what tests of `baserun sessions to-test --drive drive` call."""
    return lambda turn: "".join(line.get("text", "") for line in ask(turn))
