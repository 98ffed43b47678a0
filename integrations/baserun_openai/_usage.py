"""Token usage, in the different forms in which the endpoints report it."""

from __future__ import annotations

from typing import Any

from baserun.instrumentation import Usage
from baserun_openai._wire import count_of, object_of


def read_usage(value: Any) -> Usage | None:
    """Read the usage of a response; None if it reports no tokens (a transcription may count seconds instead)."""
    usage = object_of(value)
    read = object_of(usage.get("prompt_tokens_details") or usage.get("input_tokens_details"))
    written = object_of(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    counted = Usage(
        input_tokens=_first(usage, "prompt_tokens", "input_tokens"),
        output_tokens=_first(usage, "completion_tokens", "output_tokens"),
        cached_input_tokens=count_of(read.get("cached_tokens")),
        cache_write_tokens=count_of(read.get("cache_write_tokens")),
        reasoning_tokens=count_of(written.get("reasoning_tokens")),
    )
    return None if counted.input_tokens is None and counted.output_tokens is None else counted


def _first(usage: dict[str, Any], *names: str) -> int | None:
    for name in names:
        count = count_of(usage.get(name))
        if count is not None:
            return count
    return None
