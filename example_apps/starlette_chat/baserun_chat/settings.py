"""The settings of the application."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, with their defaults."""

    secret: str = field(default_factory=secrets.token_hex)
    """Signs the login; a new one logs everybody out."""
    database: str | Path = "chat.sqlite3"
    """The file of the conversations."""
    model: str = "gpt-4o-mini"
    has_tools: bool = True
    """Whether the model can look orders up; small models cannot use tools."""
    staff_email: str = "staff@example.com"
    staff_password: str | None = None
    """Without it nobody is staff."""
    open_pages: bool = False
    """Everybody may see the pages: only for a demo on your own machine."""
    notice: str = ""
    """A line to show above the chat."""


def from_environment() -> Settings:
    """Read ``CHAT_SECRET``, ``CHAT_DATABASE``, ``CHAT_MODEL`` and ``CHAT_STAFF_*``; unset ones keep their defaults."""
    names = ("secret", "database", "model", "staff_email", "staff_password")
    given: dict[str, Any] = {name: value for name in names if (value := os.environ.get(f"CHAT_{name.upper()}"))}
    return Settings(**given)
