"""The conversation: its page, the streamed answers, and starting a new one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

from flask import (
    Blueprint,
    Response,
    current_app,
    g,
    redirect,
    render_template,
    request,
    session,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_login import login_required
from openai import OpenAIError

import baserun
from flask_chat import database
from flask_chat.assistant import answer

LONGEST_MESSAGE = 4_000  # characters
SORRY = "The model does not answer at the moment. Please try again."

blueprint = Blueprint("chat", __name__)


@blueprint.get("/")
@login_required
def index() -> str:
    """Show the page with the messages so far."""
    return render_template("chat.html", messages=database.messages(_conversation()))


@blueprint.post("/messages")
@login_required
def send() -> ResponseReturnValue:
    """Take a message and stream the answer, a line of JSON for each piece of text."""
    said = request.get_json(silent=True)
    message = str(said.get("message", "")).strip() if isinstance(said, dict) else ""
    if not 0 < len(message) <= LONGEST_MESSAGE:
        return {"error": f"Please write 1 to {LONGEST_MESSAGE} characters."}, 400
    conversation = _conversation()
    database.add(conversation, "user", message)
    return Response(stream_with_context(_lines(conversation)), content_type="application/x-ndjson")


def _lines(conversation: str) -> Iterator[str]:
    """Stream the answer. Baserun's session is current here too, so the calls are recorded in it."""
    text = ""
    try:
        for piece in answer(
            current_app.extensions["openai"], current_app.config["MODEL"], database.messages(conversation)
        ):
            text += piece
            yield json.dumps({"text": piece}) + "\n"
    except OpenAIError as error:
        current_app.logger.warning("the model did not answer: %s", error)
        yield json.dumps({"error": SORRY}) + "\n"
    finally:
        if text:  # also what was read before the client left
            database.add(conversation, "assistant", text)
    trace = baserun.current_trace()
    yield json.dumps({"feedback_token": trace.feedback_token if trace else None}) + "\n"


@blueprint.post("/new")
@login_required
def start_again() -> ResponseReturnValue:
    """Start a new conversation, which is a new session."""
    session.pop("conversation", None)
    g.baserun_session.end()
    return redirect(url_for("chat.index"), 303)


def _conversation() -> str:
    """Return the id of this browser's conversation, a new one if it has none."""
    conversation: str = session.setdefault("conversation", uuid.uuid4().hex)
    return conversation
