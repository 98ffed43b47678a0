"""The names of models in answers."""

from __future__ import annotations

import re
from hashlib import sha256

SNAPSHOTS = {
    "gpt-3.5-turbo": "gpt-3.5-turbo-0125",
    "gpt-3.5-turbo-instruct": "gpt-3.5-turbo-instruct:20230824-v2",
    "gpt-4": "gpt-4-0613",
    "gpt-4-turbo": "gpt-4-turbo-2024-04-09",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-audio-preview": "gpt-4o-audio-preview-2025-06-03",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5-nano": "gpt-5-nano-2025-08-07",
    "o1": "o1-2024-12-17",
    "o3": "o3-2025-04-16",
    "o3-mini": "o3-mini-2025-01-31",
    "o4-mini": "o4-mini-2025-04-16",
    "text-embedding-ada-002": "text-embedding-ada-002-v2",
}
OTHER_MODELS = (
    "text-embedding-3-small",
    "text-embedding-3-large",
    "gpt-image-1",
    "tts-1",
    "whisper-1",
    "omni-moderation-latest",
)
REASONING = re.compile(r"(o\d|gpt-5(?!.*chat))")
# a fixed number of tokens for each effort, in the provider's steps of 64
REASONING_TOKENS = {"none": 0, "minimal": 0, "low": 64, "medium": 128, "high": 256, "xhigh": 512, "max": 1024}


def snapshot(model: str) -> str:
    """Return the dated name that answers have for an alias; any other name is returned as it is."""
    return SNAPSHOTS.get(model, model)


def fingerprint(model: str) -> str:
    """Return the `system_fingerprint` of a model."""
    return "fp_" + sha256(model.encode()).hexdigest()[:10]


def thinks(model: str) -> bool:
    """Whether the model is a reasoning model."""
    return REASONING.match(model) is not None


def reasoning_tokens(model: str, effort: str | None) -> int:
    """Return the number of reasoning tokens before an answer."""
    return REASONING_TOKENS.get(effort or "medium", 128) if thinks(model) else 0
