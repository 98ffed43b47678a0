"""The settings of the application."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, with their defaults."""

    secret: str = field(default_factory=secrets.token_hex)
    """Signs the login; a new one logs everybody out."""
    database: Path = Path("chat.sqlite3")
    """The file of the conversations."""
    store: str | None = None
    """The Baserun store that the pages show; None is the default one, in the current folder."""
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
    """Read ``CHAT_SECRET``, ``CHAT_DATABASE``, ``CHAT_MODEL``, ``CHAT_STAFF_*`` and ``BASERUN_STORE``."""
    return Settings(
        secret=os.environ.get("CHAT_SECRET") or secrets.token_hex(),
        database=Path(os.environ.get("CHAT_DATABASE", "chat.sqlite3")),
        store=os.environ.get("BASERUN_STORE"),
        model=os.environ.get("CHAT_MODEL", "gpt-4o-mini"),
        staff_email=os.environ.get("CHAT_STAFF_EMAIL", "staff@example.com"),
        staff_password=os.environ.get("CHAT_STAFF_PASSWORD"),
    )
