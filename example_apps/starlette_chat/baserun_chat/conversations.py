"""The stored messages, so that a reload or a restart does not lose them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY,
    conversation TEXT NOT NULL,
    role TEXT NOT NULL,
    content TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS message_conversation ON message (conversation);
"""


class Conversations:
    """Messages by conversation, in an SQLite file."""

    def __init__(self, path: str | Path) -> None:
        self._path = path
        with self._database() as database:
            database.executescript(SCHEMA)

    def messages(self, conversation: str) -> list[dict[str, str]]:
        """Return the messages of a conversation, the oldest first, in the form that the model takes."""
        with self._database() as database:
            rows = database.execute(
                "SELECT role, content FROM message WHERE conversation = ? ORDER BY id", (conversation,)
            ).fetchall()
        return [{"role": role, "content": content} for role, content in rows]

    def add(self, conversation: str, role: str, content: str) -> None:
        """Store a message."""
        with self._database() as database:
            database.execute(
                "INSERT INTO message (conversation, role, content) VALUES (?, ?, ?)", (conversation, role, content)
            )

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as connection, connection:
            yield connection
