"""Recognising requests that are calls to a model."""

from __future__ import annotations

import pytest

from baserun_openai._endpoints import find
from baserun_openai._provider import DEFAULT, provider_of


@pytest.mark.parametrize(
    ("method", "url", "operation"),
    [
        ("post", "/chat/completions", "chat"),
        ("POST", "/chat/completions/", "chat"),
        ("post", "chat/completions", "chat"),
        ("post", "/v1/chat/completions", "chat"),
        ("post", "https://host/openai/deployments/d/chat/completions?api-version=1", "chat"),
        ("post", "/deployments/d/completions", "text_completion"),
        ("post", "/completions", "text_completion"),
        ("post", "/responses", "chat"),
        ("post", "/responses?beta=true", "chat"),
        ("post", "/responses/compact", "compact"),
        ("get", "/responses/resp_1", "retrieve_response"),
        ("get", "/responses/resp_1?beta=true", "retrieve_response"),
        ("get", "/responses/resp_1/input_items", None),
        ("post", "/responses/resp_1/cancel", None),
        ("post", "/responses/input_tokens", None),
        ("delete", "/responses/resp_1", None),
        ("get", "/chat/completions", None),
        ("post", "/chat/completions/chatcmpl_1", None),
        ("post", "/embeddings", "embeddings"),
        ("post", "/images/edits", "image_edit"),
        ("post", "/audio/speech", "speech"),
        ("post", "/moderations", "moderation"),
        ("post", "/files", None),
        ("post", "/vector_stores/vs_1/search", None),
        ("post", "/evals/e/completions", None),
        ("get", "/models", None),
        ("post", "", None),
    ],
)
def test_find(method: str, url: str, operation: str | None) -> None:
    """Requests that run a model are recognised by method and URL; all others are ignored."""
    endpoint = find(method, url)

    assert (endpoint and endpoint.operation) == operation


class Address:
    """The part of an HTTP library's URL that is read."""

    def __init__(self, host: str) -> None:
        self.host = host


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("localhost", "openai"),
        ("mine.openai.azure.com", "azure.ai.openai"),
        ("us-central1-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("api.groq.com", "groq"),
        ("notapi.groq.com.example", "openai"),
    ],
)
def test_provider(host: str, provider: str) -> None:
    """The provider is found by the host; for an unknown host it is ``openai``, as for the API."""
    assert provider_of(Address(host)) == provider
    assert provider_of(None) == DEFAULT
