"""What endpoints share."""

from __future__ import annotations

from pathlib import Path

from openai import AsyncOpenAI
from starlette.requests import Request
from starlette.templating import Jinja2Templates

from baserun_chat.conversations import Conversations
from baserun_chat.settings import Settings

FOLDER = Path(__file__).parent

templates = Jinja2Templates(FOLDER / "templates")


def settings_of(request: Request) -> Settings:
    """How the application runs."""
    settings: Settings = request.app.state.settings
    return settings


def client_of(request: Request) -> AsyncOpenAI:
    """The model's client."""
    client: AsyncOpenAI = request.app.state.client
    return client


def conversations_of(request: Request) -> Conversations:
    """Everything that was said."""
    conversations: Conversations = request.app.state.conversations
    return conversations
