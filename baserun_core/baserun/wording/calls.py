"""A call to a model in words: which model it was, how it ended, and with which error."""

from __future__ import annotations

from collections.abc import Iterator

from baserun.store import StoredCall, StoredError

LLM = "llm"
"""The kind of a call with messages; other calls, such as embeddings, have none."""

_STREAM_ENDS = {
    "closed": "stream closed by the application before its end",
    "error": "stream ended by an error",
    "cancelled": "stream cancelled before its end",
    "timeout": "stream timed out",
    "network": "stream broken off by the network",
    "unread": "stream never read",
    "collected": "stream dropped before its end",
}
_STOPS = {
    "length": "stopped at the token limit",
    "max_output_tokens": "stopped at the token limit",
    "content_filter": "stopped by the content filter",
}


def model_in_words(call: StoredCall) -> str:
    """Return the model of the request, and that of the response if it is another."""
    asked, answered = call.request_model, call.response_model
    if asked and answered and not answered.startswith(asked):
        return f"{asked} (answered by {answered})"
    return asked or answered or call.name


def endings(call: StoredCall) -> Iterator[str]:
    """Yield how a call ended other than normally, apart from an error."""
    ending = _STREAM_ENDS.get(call.stream_end or "")
    if call.status == "cancelled" and ending is None:
        ending = "cancelled before its end"
    if ending is not None and not (call.stream_end == "error" and call.error is not None):
        yield ending
    yield from (_STOPS[reason] for reason in call.finish_reasons or () if reason in _STOPS)


def has_failed(call: StoredCall) -> bool:
    """Whether it ended with an error."""
    return call.status == "error" or (call.error is not None and call.status != "cancelled")


def error_key(error: StoredError) -> tuple[str, str | None]:
    """Return what tells the errors of a trace apart: one is stored with each span that it leaves, and told once."""
    return error.type, error.message


def error_in_words(error: StoredError) -> str:
    """Return an error such as ``RateLimitError (429): message``."""
    status = f" ({error.status_code})" if error.status_code is not None else ""
    return f"{error.type}{status}" + (f": {error.message}" if error.message else "")
