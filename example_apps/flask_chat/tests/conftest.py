"""Fixtures that talk to the chat through Flask's own test client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from flask_chat import create_app

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """A client of an application with its own database."""
    app = create_app({"TESTING": True, "DATABASE": str(tmp_path / "chat.sqlite3")})
    with app.extensions["openai"]:  # closed here: the application keeps its connections for as long as the process runs
        yield app.test_client()


@pytest.fixture
def email() -> str:
    """A new address for each test: with `pytest --baserun` all tests record to one store."""
    return f"ada-{uuid4()}@example.com"


@pytest.fixture
def ask(client: FlaskClient, email: str) -> Ask:
    """A function that sends a message as a logged-in user and returns the lines of the answer."""
    client.post("/login", data={"email": email})

    def ask(message: str) -> list[dict[str, Any]]:
        response = client.post("/messages", json={"message": message})
        assert response.status_code == 200
        return [json.loads(line) for line in response.text.splitlines()]

    return ask


@pytest.fixture
def drive(ask: Ask) -> Callable[[str], str]:
    """A function that sends one turn of a recorded session, for tests of `baserun sessions to-test --drive drive`."""
    return lambda turn: "".join(line.get("text", "") for line in ask(turn))
