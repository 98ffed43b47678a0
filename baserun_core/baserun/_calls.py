"""A call to a model as an integration describes it."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec


class Usage(msgspec.Struct, kw_only=True, gc=False):
    """Tokens as the provider counted them; None is unknown. Cached and cache-write tokens are included in the input."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    priced_apart: dict[str, float] | None = None
    """What has prices of its own: the tokens of sound or images among those above, and what is counted beside tokens or
    in their place. By the names of `genai-prices`, such as ``input_audio_tokens`` or ``web_searches``. Not stored."""


class CallDetails(msgspec.Struct, kw_only=True):
    """The details of one call to a model; None is unknown.

    `input`, `output`, `parameters`, `tool_calls` and `error_body` are builtins, or `RawJSON` as received.
    """

    provider: str | None = None
    operation: str | None = None
    """By the OpenTelemetry GenAI conventions: ``chat``, ``text_completion``, ``embeddings``, ..."""
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    request_id: str | None = None
    stream: bool | None = None
    stream_end: str | None = None
    retries: int | None = None
    parameters: Any = None
    input: Any = None
    output: Any = None
    tool_calls: Any = None
    finish_reasons: list[str] | None = None
    usage: Usage | None = None
    time_to_first_token_us: int | None = None
    end_user: str | None = None
    input_preview: str | None = None
    """The last user message, as plain text."""
    output_preview: str | None = None
    """The answer, as plain text."""
    error: tuple[str, str | None] | None = None
    """Type and message of a failure that the provider reported in its answer while the client raised nothing."""
    error_status_code: int | None = None
    error_body: Any = None
    service_tier: str | None = None
    """The tier in which the provider served the call, such as ``flex`` or ``priority``; each has its own price."""
    price_url: str | None = None
    """The URL of the call; for hosts compatible with OpenAI, prices are looked up by it."""


class CallSource(Protocol):
    """An integration's object from which the details of a call are read."""

    def describe(self) -> CallDetails:
        """Read the details. Runs once, on the writer's thread; if it raises, the span is stored without them."""
