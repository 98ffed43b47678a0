"""The provider of a model, derived from the URL of the call."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

DEFAULT = "openai"
"""The provider of every unknown host, such as a gateway or a self-hosted server."""

_BY_HOST = {
    "openai.azure.com": "azure.ai.openai",
    "cognitiveservices.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "inference.ai.azure.com": "azure.ai.inference",
    "amazonaws.com": "aws.bedrock",
    "api.anthropic.com": "anthropic",
    "api.cohere.ai": "cohere",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together",
    "api.x.ai": "x_ai",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "openrouter.ai": "openrouter",
}
"""The values are the well-known ones of OpenTelemetry's ``gen_ai.provider.name``, where one exists."""

_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")


def provider_of(url: Any) -> str:
    """Return the provider at a URL."""
    return DEFAULT if url is None else _provider_at(url.host)


@lru_cache(maxsize=256)
def _provider_at(host: str) -> str:
    for suffix, provider in _BY_HOST.items():
        if host == suffix or host.endswith((f".{suffix}", f"-{suffix}")):
            return provider
    return DEFAULT


def address_of(url: Any) -> str | None:
    """Return the URL without the parts that may be secret: credentials and query."""
    return None if url is None else f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}"


def deployment_in(url: Any) -> str | None:
    """Return the deployment in a URL of Azure; it stands for the model where the request names none."""
    found = None if url is None else _DEPLOYMENT.search(url.path)
    return None if found is None else found[1]
