"""The conversation: its page, the streamed answers, and starting a new one."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import cache

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST
from openai import OpenAI, OpenAIError

import baserun
from chat.assistant import answer
from chat.forms import SignUpForm
from chat.models import Conversation

LONGEST_MESSAGE = 4_000  # characters
SORRY = "The model does not answer at the moment. Please try again."

logger = logging.getLogger(__name__)
client = cache(OpenAI)  # reads OPENAI_API_KEY and OPENAI_BASE_URL


def sign_up(request: HttpRequest) -> HttpResponse:
    """Create an account and log it in."""
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("chat")
    return render(request, "registration/sign_up.html", {"form": form})


@login_required
def chat(request: HttpRequest) -> HttpResponse:
    """Show the page with the messages so far."""
    conversation = _conversation(request)
    return render(request, "chat/chat.html", {"messages": conversation.said() if conversation else []})


@login_required
@require_POST
def send(request: HttpRequest) -> HttpResponseBase:
    """Take a message and stream the answer, a line of JSON for each piece of text."""
    try:
        message = str(json.loads(request.body)["message"]).strip()
    except (ValueError, KeyError, TypeError):
        message = ""
    if not 0 < len(message) <= LONGEST_MESSAGE:
        return JsonResponse({"error": f"Please write 1 to {LONGEST_MESSAGE} characters."}, status=400)
    conversation = _conversation(request)
    if conversation is None:
        conversation = Conversation.objects.create(user=request.user)
        request.session["conversation"] = conversation.pk
    conversation.message_set.create(role="user", content=message)
    return StreamingHttpResponse(_lines(conversation), content_type="application/x-ndjson")


def _lines(conversation: Conversation) -> Iterator[str]:
    """Stream the answer. Baserun's session is current here too, so the calls are recorded in it."""
    text = ""
    try:
        for piece in answer(client(), settings.CHAT_MODEL, conversation.said()):
            text += piece
            yield json.dumps({"text": piece}) + "\n"
    except OpenAIError as error:
        logger.warning("the model did not answer: %s", error)
        yield json.dumps({"error": SORRY}) + "\n"
    finally:
        if text:  # also what was read before the client left
            conversation.message_set.create(role="assistant", content=text)
    trace = baserun.current_trace()
    yield json.dumps({"feedback_token": trace.feedback_token if trace else None}) + "\n"


@login_required
@require_POST
def start_again(request: HttpRequest) -> HttpResponse:
    """Start a new conversation, which is a new session."""
    request.session.pop("conversation", None)
    request.baserun_session.end()
    return redirect("chat")


def _conversation(request: HttpRequest) -> Conversation | None:
    """Return the conversation of this browser, if it has one."""
    return Conversation.objects.filter(pk=request.session.get("conversation"), user=request.user).first()
