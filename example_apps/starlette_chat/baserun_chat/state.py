"""The templates, and the state of the application with its types, for all endpoints."""

from __future__ import annotations

from pathlib import Path

from openai import AsyncOpenAI
from starlette.requests import HTTPConnection
from starlette.templating import Jinja2Templates

from baserun_chat.conversations import Conversations
from baserun_chat.settings import Settings

FOLDER = Path(__file__).parent

templates = Jinja2Templates(FOLDER / "templates")


def settings_of(connection: HTTPConnection) -> Settings:
    """Return the settings of the application."""
    settings: Settings = connection.app.state.settings
    return settings


def client_of(connection: HTTPConnection) -> AsyncOpenAI:
    """Return the client of the model."""
    client: AsyncOpenAI = connection.app.state.client
    return client


def conversations_of(connection: HTTPConnection) -> Conversations:
    """Return the stored conversations."""
    conversations: Conversations = connection.app.state.conversations
    return conversations
