"""The decoded body of a response, and when each part of it arrived."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baserun_openai._call import Call

MOST_DECODED = 64 * 1024 * 1024
"""Bytes; a limit, because a small compressed body can decode to any size."""


class Body:
    """The body of a response.

    Attributes:
        data: The decoded bytes that were kept.
        size: The number of bytes: of `data`, or of all that arrived if too many to keep.
        content_type: Without its parameters; empty if the server sent none.
        is_there: Whether `data` is not empty.
        damage: The error of the decoder, if the kept bytes are not what the content encoding says.
    """

    def __init__(self, call: Call) -> None:
        headers = call.headers if call.headers is not None else {}
        self.content_type: str = (headers.get("content-type") or "").partition(";")[0].strip().lower()
        self._times = call.times or []
        self.damage: Exception | None = None
        if call.body is not None:
            self.data, self.size = call.body, len(call.body)
        else:
            parts, self.damage = _decoded(call, headers.get("content-encoding") or "")
            self._ends = list(accumulate(map(len, parts)))
            self.data = b"".join(parts)
            self.size = call.size or len(self.data)
        self.is_there = bool(self.data)

    def arrived_ns(self, end: int) -> int:
        """Return when the byte before offset `end` arrived."""
        index = bisect_left(self._ends, min(end, len(self.data)))
        return self._times[min(index, len(self._times) - 1)]


def _decoded(call: Call, encoding: str) -> tuple[list[bytes], Exception | None]:
    """Decode the kept chunks as far as possible, one part for each; return them with the error at a broken one."""
    kept = call.chunks or []
    if not encoding or encoding.lower() == "identity":
        return kept, None
    parts = [b""] * len(kept)
    position = -1
    is_over = False

    def chunks() -> Iterator[bytes]:
        nonlocal position, is_over
        for chunk in kept:
            position += 1
            yield chunk
        is_over = True

    # The response's own class decodes every encoding that the client offered to the server.
    response = call.response_class(200, headers={"content-encoding": encoding}, content=chunks())
    size = 0
    try:
        for part in response.iter_bytes():
            parts[position] += part
            size += len(part)
            if size > MOST_DECODED:
                break
    except Exception as error:
        # A body of which only the beginning arrived may fail after its last chunk; nothing is broken then.
        return parts, None if is_over else error
    return parts, None
