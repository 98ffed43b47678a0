"""The conversation: its page, the streamed answers, and starting a new one."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import AsyncIterator

from anyio import CancelScope
from openai import OpenAIError
from starlette.authentication import requires
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

import baserun
from baserun_chat.accounts import is_staff
from baserun_chat.assistant import answer
from baserun_chat.state import client_of, conversations_of, settings_of, templates

LONGEST_MESSAGE = 4_000  # characters
SORRY = "The model does not answer at the moment. Please try again."

logger = logging.getLogger(__name__)


@requires("authenticated", redirect="log_in")
async def chat(request: Request) -> Response:
    """Show the page with the messages so far."""
    messages = await run_in_threadpool(conversations_of(request).messages, conversation_of(request))
    shown = {"messages": messages, "notice": settings_of(request).notice, "is_staff": is_staff(request)}
    return templates.TemplateResponse(request, "chat.html", shown)


@requires("authenticated")
async def send(request: Request) -> Response:
    """Take a message and stream the answer, a line of JSON for each piece of text."""
    try:
        message = str((await request.json())["message"]).strip()
    except (ValueError, KeyError, TypeError):
        message = ""
    if not 0 < len(message) <= LONGEST_MESSAGE:
        return JSONResponse({"error": f"Please write 1 to {LONGEST_MESSAGE} characters."}, status_code=400)
    conversation = conversation_of(request)
    await run_in_threadpool(conversations_of(request).add, conversation, "user", message)
    return StreamingResponse(lines(request, conversation), media_type="application/x-ndjson")


async def lines(request: Request, conversation: str) -> AsyncIterator[str]:
    """Stream the answer. Baserun's session is current here too, so the calls are recorded in it."""
    conversations, settings = conversations_of(request), settings_of(request)
    said = await run_in_threadpool(conversations.messages, conversation)
    text = ""
    try:
        async for piece in answer(client_of(request), settings.model, said, has_tools=settings.has_tools):
            text += piece
            yield json.dumps({"text": piece}) + "\n"
    except OpenAIError as error:
        logger.warning("the model did not answer: %s", error)
        yield json.dumps({"error": SORRY}) + "\n"
    finally:
        if text:  # also what was read before the client left
            with CancelScope(shield=True):
                await run_in_threadpool(conversations.add, conversation, "assistant", text)
    trace = baserun.current_trace()
    yield json.dumps({"feedback_token": trace.feedback_token if trace else None}) + "\n"


@requires("authenticated")
async def start_again(request: Request) -> Response:
    """Start a new conversation, which is a new session."""
    request.session.pop("conversation", None)
    request.state.baserun_session.end()
    return RedirectResponse(request.url_for("chat"), status_code=303)


def conversation_of(request: Request) -> str:
    """Return the id of this browser's conversation, a new one if it has none."""
    conversation: str = request.session.setdefault("conversation", uuid.uuid4().hex)
    return conversation
