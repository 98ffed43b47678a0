"""The endpoints by method and path."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from baserun.testing._offline import audio, catalog, images, moderations, responses
from baserun.testing._offline.call import Call
from baserun.testing._offline.chat import create_chat_completion
from baserun.testing._offline.completions import create_completion
from baserun.testing._offline.embeddings import create_embeddings
from baserun.testing._offline.errors import RequestError
from baserun.testing._offline.exchange import Answer

Endpoint = Callable[[Call], Awaitable[Answer]]
"""Answers one kind of request."""

PREFIX = re.compile(r"/openai/deployments/(?P<deployment>[^/]+)|/openai/v1|/openai|/v1")
ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("POST", "/chat/completions"): create_chat_completion,
    ("POST", "/completions"): create_completion,
    ("POST", "/responses"): responses.create_response,
    ("POST", "/responses/compact"): responses.compact_response,
    ("POST", "/responses/input_tokens"): responses.count_input_tokens,
    ("POST", "/embeddings"): create_embeddings,
    ("POST", "/images/generations"): images.create_image,
    ("POST", "/images/edits"): images.edit_image,
    ("POST", "/images/variations"): images.vary_image,
    ("POST", "/audio/speech"): audio.create_speech,
    ("POST", "/audio/transcriptions"): audio.create_transcription,
    ("POST", "/audio/translations"): audio.create_translation,
    ("POST", "/moderations"): moderations.create_moderation,
    ("GET", "/models"): catalog.list_models,
}
PATTERNS: tuple[tuple[str, re.Pattern[str], Endpoint], ...] = (
    ("GET", re.compile(r"/models/(?P<id>.+)"), catalog.show_model),
    ("GET", re.compile(r"/responses/(?P<id>[^/]+)"), responses.retrieve_response),
    ("DELETE", re.compile(r"/responses/(?P<id>[^/]+)"), responses.delete_response),
    ("POST", re.compile(r"/responses/(?P<id>[^/]+)/cancel"), responses.cancel_response),
    ("GET", re.compile(r"/responses/(?P<id>[^/]+)/input_items"), responses.list_input_items),
    ("GET", re.compile(r"/offline/images/(?P<colour>\w+)\.png"), images.show_image),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The endpoint of a request, and the variable parts of its path."""

    endpoint: Endpoint
    parts: dict[str, str]
    deployment: str | None


def find_route(method: str, path: str) -> Route:
    """Find the endpoint for a path of OpenAI or Azure.

    Raises:
        RequestError: There is none.
    """
    prefix = PREFIX.match(path)
    rest = path[prefix.end() :] if prefix else path
    deployment = unquote(prefix["deployment"]) if prefix and prefix["deployment"] else None
    if endpoint := ENDPOINTS.get((method, rest)):
        return Route(endpoint=endpoint, parts={}, deployment=deployment)
    for wanted, pattern, endpoint in PATTERNS:
        if wanted == method and (found := pattern.fullmatch(rest)):
            parts = {name: unquote(value) for name, value in found.groupdict().items()}
            return Route(endpoint=endpoint, parts=parts, deployment=deployment)
    raise RequestError(f"Invalid URL ({method} {path})", status=405 if _is_known(rest) else 404)


def _is_known(rest: str) -> bool:
    return any(path == rest for _, path in ENDPOINTS) or any(pattern.fullmatch(rest) for _, pattern, _ in PATTERNS)
