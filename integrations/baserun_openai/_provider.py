"""Whose model it is, told from the address that was called."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

DEFAULT = "openai"
"""What speaks OpenAI's protocol on an unknown host, such as a gateway or a server of one's own, is taken for it."""

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
"""By the well-known values of OpenTelemetry's ``gen_ai.provider.name``, where there is one."""

_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")


def provider_of(url: Any) -> str:
    """The provider behind an address."""
    return DEFAULT if url is None else _provider_at(url.host)


@lru_cache(maxsize=256)
def _provider_at(host: str) -> str:
    for suffix, provider in _BY_HOST.items():
        if host == suffix or host.endswith((f".{suffix}", f"-{suffix}")):
            return provider
    return DEFAULT


def address_of(url: Any) -> str | None:
    """The address without what may be secret in it."""
    return None if url is None else f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}"


def deployment_in(url: Any) -> str | None:
    """The model of a call to Azure, where only the address names it."""
    found = None if url is None else _DEPLOYMENT.search(url.path)
    return None if found is None else found[1]
