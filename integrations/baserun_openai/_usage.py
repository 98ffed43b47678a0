"""Token usage, in the different forms in which the endpoints report it."""

from __future__ import annotations

from typing import Any, Literal

from baserun.instrumentation import Usage
from baserun_openai._wire import MOST_COUNTED, count_of, object_of


def read_usage(value: Any, media: Literal["audio", "image"] = "audio") -> Usage | None:
    """Read the usage of a response; None if it reports none.

    Args:
        media: The kind of tokens that may have another price than text. An image sent to a chat has that of text.
    """
    usage = object_of(value)
    read = object_of(
        usage.get("prompt_tokens_details") or usage.get("input_tokens_details") or usage.get("input_token_details")
    )
    written = object_of(usage.get("completion_tokens_details") or usage.get("output_tokens_details"))
    counted = Usage(
        input_tokens=_first(usage, "prompt_tokens", "input_tokens"),
        output_tokens=_first(usage, "completion_tokens", "output_tokens"),
        cached_input_tokens=count_of(read.get("cached_tokens")),
        cache_write_tokens=count_of(read.get("cache_write_tokens")),
        reasoning_tokens=count_of(written.get("reasoning_tokens")),
        priced_apart=_tokens_of(media, read, written) or _seconds(usage),
    )
    is_there = counted.input_tokens is not None or counted.output_tokens is not None or counted.priced_apart
    return counted if is_there else None


def _first(usage: dict[str, Any], *names: str) -> int | None:
    for name in names:
        count = count_of(usage.get(name))
        if count is not None:
            return count
    return None


def _tokens_of(media: str, read: dict[str, Any], written: dict[str, Any]) -> dict[str, float] | None:
    name = f"{media}_tokens"
    if not (read.get(name) or written.get(name)):
        return None
    counts = {f"input_{name}": count_of(read.get(name)), f"output_{name}": count_of(written.get(name))}
    return {counted: count for counted, count in counts.items() if count} or None


def _seconds(usage: dict[str, Any]) -> dict[str, float] | None:
    """Read the length of the sound, by which some transcriptions are paid."""
    seconds = usage.get("seconds")
    if not seconds or isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return {"audio_seconds": seconds} if 0 < seconds < MOST_COUNTED else None
