"""Fixtures that talk to the chat through Django's own test client."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def email() -> str:
    """A new address for each test: with `pytest --baserun` all tests record to one store."""
    return f"ada-{uuid4()}@example.com"


@pytest.fixture
def ask(client: Client, db: None, email: str) -> Ask:
    """A function that sends a message as a logged-in user and returns the lines of the answer."""
    client.force_login(User.objects.create_user("ada", email))

    def ask(message: str) -> list[dict[str, Any]]:
        response = client.post("/messages", {"message": message}, content_type="application/json")
        assert response.status_code == 200
        return [json.loads(line) for line in response.getvalue().splitlines()]

    return ask


@pytest.fixture
def drive(ask: Ask) -> Callable[[str], str]:
    """A function that sends one turn of a recorded session, for tests of `baserun sessions to-test --drive drive`."""
    return lambda turn: "".join(line.get("text", "") for line in ask(turn))
