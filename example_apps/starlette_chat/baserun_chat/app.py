"""The application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from openai import AsyncOpenAI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from baserun_chat.accounts import SessionBackend, is_staff, log_in, log_out
from baserun_chat.chat import chat, send, start_again
from baserun_chat.conversations import Conversations
from baserun_chat.security import SecurityMiddleware
from baserun_chat.settings import Settings, from_environment
from baserun_chat.state import FOLDER
from baserun_monitor import Pages
from baserun_starlette import BaserunMiddleware, feedback_endpoint


def create_app(settings: Settings | None = None, client: AsyncOpenAI | None = None) -> Starlette:
    """Put the application together; ``uvicorn --factory baserun_chat:create_app`` serves it.

    Args:
        settings: Read from the environment if left out.
        client: If left out, one that reads ``OPENAI_API_KEY`` and ``OPENAI_BASE_URL``; closed with the application.
    """
    settings = settings or from_environment()
    app = Starlette(
        routes=[
            Route("/", chat),
            Route("/login", log_in, methods=["GET", "POST"]),
            Route("/logout", log_out, methods=["POST"]),
            Route("/messages", send, methods=["POST"]),
            Route("/new", start_again, methods=["POST"]),
            Route("/feedback", feedback_endpoint, methods=["POST"]),
            Mount("/baserun", Pages(allow=is_staff), name="pages"),
            Mount("/static", StaticFiles(directory=FOLDER / "static"), name="static"),
        ],
        middleware=[
            Middleware(SecurityMiddleware),
            Middleware(SessionMiddleware, secret_key=settings.secret, session_cookie="chat"),
            Middleware(AuthenticationMiddleware, backend=SessionBackend()),
            Middleware(BaserunMiddleware, secret=settings.secret, excluded=["/baserun/*", "/static/*"]),
        ],
        lifespan=lifespan,
    )
    app.state.settings = settings
    app.state.client = client or AsyncOpenAI()
    app.state.conversations = Conversations(settings.database)
    return app


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Close the client when the server stops."""
    async with app.state.client:
        yield
