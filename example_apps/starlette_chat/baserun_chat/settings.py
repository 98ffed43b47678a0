"""What can be chosen from outside."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the application runs."""

    secret: str = field(default_factory=secrets.token_hex)
    """Signs the login; a new one logs everybody out."""
    database: Path = Path("chat.sqlite3")
    """Where conversations are kept."""
    store: str | None = None
    """Baserun's, which the pages show; None: the usual one, in this folder."""
    model: str = "gpt-4o-mini"
    has_tools: bool = True
    """Whether the model can look orders up; small ones cannot use tools."""
    staff_email: str = "staff@example.com"
    staff_password: str | None = None
    """Without it nobody is staff."""
    open_pages: bool = False
    """Everybody may see the pages: for a demo on one's own machine, and nothing else."""
    notice: str = ""
    """A line above the chat."""


def from_environment() -> Settings:
    """Those of the variables ``CHAT_SECRET``, ``CHAT_DATABASE``, ``CHAT_MODEL`` and ``CHAT_STAFF_*``."""
    return Settings(
        secret=os.environ.get("CHAT_SECRET") or secrets.token_hex(),
        database=Path(os.environ.get("CHAT_DATABASE", "chat.sqlite3")),
        store=os.environ.get("BASERUN_STORE"),
        model=os.environ.get("CHAT_MODEL", "gpt-4o-mini"),
        staff_email=os.environ.get("CHAT_STAFF_EMAIL", "staff@example.com"),
        staff_password=os.environ.get("CHAT_STAFF_PASSWORD"),
    )
