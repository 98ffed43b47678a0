"""A call to a model as an integration describes it."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec


class Usage(msgspec.Struct, kw_only=True, gc=False):
    """Tokens as the provider counted them; None is unknown. Cached and written ones are part of the input."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class CallDetails(msgspec.Struct, kw_only=True):
    """What there is to say about one call to a model (DESIGN section 7). None is unknown.

    `input`, `output`, `parameters`, `tool_calls` and `error_body` are builtins, or `RawJSON` as it came over the wire.
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
    """The last thing the person said, as plain text."""
    output_preview: str | None = None
    """What the model answered, as plain text."""
    error: tuple[str, str | None] | None = None
    """Type and message of the failure that the provider told of in an answer for which the client raised nothing."""
    error_status_code: int | None = None
    error_body: Any = None
    service_tier: str | None = None
    """The tier that the provider says it served the call in, such as ``flex`` or ``priority``: each has its price."""
    price_url: str | None = None
    """The address the call went to, from which the provider of compatible hosts is told for its price."""


class CallSource(Protocol):
    """What a call's details are read from."""

    def describe(self) -> CallDetails:
        """Read them. Runs once, on the writer's thread; a failure loses the details and not the span."""
