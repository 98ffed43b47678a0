"""Server-sent events (HTML standard, 9.2.6), split on the writer's thread."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from baserun_openai._wire import decode

DONE = b"[DONE]"
_BLANK_LINE = re.compile(rb"\r\n\r\n|\n\n|\r\r|\n\r\n|\r\n\n")


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event: its name if it has one, its data, and where in the body it ended."""

    name: bytes | None
    data: bytes
    end: int


def split_events(body: bytes) -> list[Event]:
    """Split the body of a stream into events; the last may be incomplete."""
    return list(_split_mixed(body) if b"\r" in body else _split_plain(body))


def decoded(events: Iterable[Event]) -> Iterator[tuple[Event, dict[str, Any]]]:
    """Yield each event with the object in its data; those without (the final ``[DONE]``, half an event) are skipped."""
    for event in events:
        try:
            value = decode(event.data)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield event, value


def _split_plain(body: bytes) -> Iterator[Event]:
    end = 0
    for block in body.split(b"\n\n"):
        end += len(block) + 2
        # Nearly every event of the API has this form; the rest takes the slow way.
        if block.startswith(b"data: ") and b"\n" not in block:
            yield Event(None, block[6:], end)
        else:
            yield from _parse(block, end)


def _split_mixed(body: bytes) -> Iterator[Event]:
    start = 0
    for blank in _BLANK_LINE.finditer(body):
        yield from _parse(body[start : blank.start()], blank.end())
        start = blank.end()
    yield from _parse(body[start:], len(body))


def _parse(block: bytes, end: int) -> Iterator[Event]:
    name = None
    data = []
    for line in block.splitlines():
        field, _, value = line.partition(b":")
        value = value[1:] if value.startswith(b" ") else value
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
        elif field == b"error":  # not a field of the standard; llama.cpp used it to report errors
            data.append(b'{"error":' + value + b"}")
    if data:
        yield Event(name, b"\n".join(data), end)
