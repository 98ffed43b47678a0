"""Somebody who talks to the chat, through Starlette's own test client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from baserun_chat import Settings, create_app

Ask = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A browser; the application in it has a database of its own."""
    with TestClient(create_app(Settings(database=tmp_path / "chat.sqlite3"))) as client:
        yield client


@pytest.fixture
def email() -> str:
    """Of somebody new in each test: with `pytest --baserun` all of them are recorded into one store."""
    return f"ada-{uuid4()}@example.com"


@pytest.fixture
def ask(client: TestClient, email: str) -> Ask:
    """Says something, as somebody who has logged in, and gives the lines of the answer."""
    client.post("/login", data={"email": email})

    def ask(message: str) -> list[dict[str, Any]]:
        response = client.post("/messages", json={"message": message}).raise_for_status()
        return [json.loads(line) for line in response.text.splitlines()]

    return ask


@pytest.fixture
def drive(ask: Ask) -> Callable[[str], str]:
    """Says a turn of a recorded session: what tests of `baserun sessions to-test --drive drive` call."""
    return lambda turn: "".join(line.get("text", "") for line in ask(turn))
