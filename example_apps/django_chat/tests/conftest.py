"""Somebody who talks to the chat, through Django's own test client."""

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
    """Of somebody new in each test: with `pytest --baserun` all of them are recorded into one store."""
    return f"ada-{uuid4()}@example.com"


@pytest.fixture
def ask(client: Client, db: None, email: str) -> Ask:
    """Says something, as somebody who has logged in, and gives the lines of the answer."""
    client.force_login(User.objects.create_user("ada", email))

    def ask(message: str) -> list[dict[str, Any]]:
        response = client.post("/messages", {"message": message}, content_type="application/json")
        assert response.status_code == 200
        return [json.loads(line) for line in response.getvalue().splitlines()]

    return ask


@pytest.fixture
def drive(ask: Ask) -> Callable[[str], str]:
    """Says a turn of a recorded session: what tests of `baserun sessions to-test --drive drive` call."""
    return lambda turn: "".join(line.get("text", "") for line in ask(turn))
