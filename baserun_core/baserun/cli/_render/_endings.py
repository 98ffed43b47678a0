"""How a call ended, in words."""

from __future__ import annotations

from collections.abc import Iterator

from baserun.store import StoredCall

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
