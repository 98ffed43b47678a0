"""Which requests of the client are calls to a model, and the module that reads each."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from baserun.instrumentation import CallDetails
from baserun_openai import _audio, _chat, _completions, _decisions, _embeddings, _images, _moderations, _responses
from baserun_openai._exchange import Answer
from baserun_openai._identity import SAFETY_IDENTIFIER, USER
from baserun_openai._wire import Fields


class Family(Protocol):
    """The functions of a module for one API family; all run on the writer's thread."""

    @property
    def CONTENT(self) -> tuple[str, ...]:  # noqa: N802  (a constant of a module)
        """The members of a request that are content; all others are parameters."""

    def read_input(self, fields: Fields, details: CallDetails) -> None:
        """Fill in the input from the request."""

    def read_answer(self, answer: Answer, details: CallDetails) -> None:
        """Fill in output, usage and everything else that the response has."""


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One kind of call."""

    operation: str
    kind: str
    family: Family
    end_user_parameter: str | None = None
    """The parameter in which the provider takes an opaque id of the end user."""


_CHAT = Endpoint(operation="chat", kind="llm", family=_chat, end_user_parameter=SAFETY_IDENTIFIER)
_RESPONSES = Endpoint(operation="chat", kind="llm", family=_responses, end_user_parameter=SAFETY_IDENTIFIER)
_RETRIEVED = Endpoint(operation="retrieve_response", kind="llm", family=_responses)
_IMAGES = Endpoint(operation="image_generation", kind="image", family=_images, end_user_parameter=SAFETY_IDENTIFIER)

_POSTED = {
    "/chat/completions": _CHAT,
    "/responses": _RESPONSES,
    "/responses/compact": Endpoint(operation="compact", kind="llm", family=_responses),
    "/completions": Endpoint(operation="text_completion", kind="llm", family=_completions, end_user_parameter=USER),
    "/decisions": Endpoint(operation="decision", kind="llm", family=_decisions, end_user_parameter=SAFETY_IDENTIFIER),
    "/embeddings": Endpoint(operation="embeddings", kind="embedding", family=_embeddings, end_user_parameter=USER),
    "/images/generations": _IMAGES,
    "/images/edits": Endpoint(
        operation="image_edit", kind="image", family=_images, end_user_parameter=SAFETY_IDENTIFIER
    ),
    "/images/variations": Endpoint(operation="image_variation", kind="image", family=_images, end_user_parameter=USER),
    "/audio/speech": Endpoint(operation="speech", kind="audio", family=_audio),
    "/audio/transcriptions": Endpoint(operation="transcription", kind="audio", family=_audio),
    "/audio/translations": Endpoint(operation="translation", kind="audio", family=_audio),
    "/moderations": Endpoint(operation="moderation", kind="moderation", family=_moderations),
}
_ENDS_LIKE_A_CALL = re.compile(r"(?P<before>.*?)(?P<known>" + "|".join(map(re.escape, _POSTED)) + r")/?")


def find(method: str, url: str) -> Endpoint | None:
    """Return the endpoint of a request; None for files, models, lists and whatever else runs no model."""
    if method == "post" and (endpoint := _POSTED.get(url)) is not None:
        return endpoint
    method = method.lower()
    if method == "post":
        return _find_posted(url)
    return _find_retrieved(url) if method == "get" and "/responses/" in url else None


def _find_posted(url: str) -> Endpoint | None:
    # `client.post` accepts "chat/completions" and "https://host/v1/chat/completions" as well.
    found = _ENDS_LIKE_A_CALL.fullmatch("/" + urlsplit(url).path.lstrip("/"))
    if found is None:
        return None
    before = found["before"]
    is_prefix = not before or "://" in url or "/deployments/" in before or before.endswith("/v1")
    return _POSTED[found["known"]] if is_prefix else None


def _find_retrieved(url: str) -> Endpoint | None:
    before, _, response_id = urlsplit(url).path.rstrip("/").rpartition("/")
    is_one = before.endswith("/responses") and bool(response_id)
    return _RETRIEVED if is_one and (before == "/responses" or "://" in url) else None
