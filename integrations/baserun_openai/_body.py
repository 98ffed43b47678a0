"""The body of a response, decoded, and when which part of it came."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baserun_openai._call import Call

MOST_DECODED = 64 * 1024 * 1024
"""Bytes; a few compressed ones can stand for any number."""


class Body:
    """What came back for a call.

    Attributes:
        data: The decoded bytes, as far as they were kept.
        size: How many bytes came, kept or not (of an encoded body those that were kept).
        content_type: Without its parameters; empty if the server did not say.
        is_there: Whether there is anything to read.
    """

    def __init__(self, call: Call) -> None:
        headers = call.headers if call.headers is not None else {}
        self.content_type: str = (headers.get("content-type") or "").partition(";")[0].strip().lower()
        self._times = call.times or []
        if call.body is not None:
            self.data, self.size = call.body, len(call.body)
        else:
            parts = _decoded(call, headers.get("content-encoding") or "")
            self._ends = list(accumulate(map(len, parts)))
            self.data = b"".join(parts)
            self.size = call.size or len(self.data)
        self.is_there = bool(self.data)

    def arrived_ns(self, end: int) -> int:
        """When the byte before `end` came."""
        index = bisect_left(self._ends, min(end, len(self.data)))
        return self._times[min(index, len(self._times) - 1)]


def _decoded(call: Call, encoding: str) -> list[bytes]:
    """The decoded part of each chunk; of a body that was cut, as far as it goes."""
    kept = call.chunks or []
    if not encoding or encoding.lower() == "identity":
        return kept
    parts = [b""] * len(kept)
    position = -1

    def chunks() -> Iterator[bytes]:
        nonlocal position
        for chunk in kept:
            position += 1
            yield chunk

    # The response's own class knows every encoding that the client offered to the server.
    response = call.response_class(200, headers={"content-encoding": encoding}, content=chunks())
    size = 0
    try:
        for part in response.iter_bytes():
            parts[position] += part
            size += len(part)
            if size > MOST_DECODED:
                break
    except Exception:  # the end of a cut body cannot be decoded; what came before it can
        return parts
    return parts
