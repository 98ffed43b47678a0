"""A fault: what goes wrong with a request."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from baserun._arguments import is_number

Cut = Literal["headers", "body"]
"""Where the connection is cut: before any header, or inside the body or stream."""

HEADER = "x-offline-fault"
TRUE = ("true", "yes", "1", "")
FALSE = ("false", "no", "0")
BOOLEANS = frozenset({"reset", "malformed", "without_done", "gzip", "should_retry"})
INTEGERS = frozenset({"status", "times", "after"})
SECONDS = ("delay", "first_chunk_delay", "chunk_delay", "bytes_per_second", "retry_after", "retry_after_ms")
TEXTS = frozenset({"message", "code", "cut", "stream_error"})
MOST_SECONDS = 1e10
"""About 317 years; dates much further away cannot be written."""
PARTS = {
    "message": ("status=429",),
    "code": ("status=429", 'stream_error="..."'),
    "retry_after": ("status=429",),
    "retry_after_ms": ("status=429",),
    "retry_after_date": ("status=429",),
    "should_retry": ("status=429",),
    "reset": ('cut="body"',),
    "after": ('cut="body"', "malformed=True", 'stream_error="..."'),
}
"""Fields that do nothing by themselves, each with those that it needs one of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with a request. Fields can be combined (a delay, then a status)."""

    times: int | None = 1
    """How many requests it hits before they succeed again, so that a client's retries can work; None: all."""

    status: int | None = None
    """Refuse with this HTTP status and OpenAI's error JSON."""
    message: str | None = None
    code: str | None = None
    retry_after: float | None = None
    """Seconds, sent as `Retry-After`."""
    retry_after_ms: float | None = None
    """Milliseconds, sent as `Retry-After-Ms`."""
    retry_after_date: float | None = None
    """Seconds from now, sent as the HTTP date in `Retry-After`."""
    should_retry: bool | None = None
    """Sent as `x-should-retry`."""

    delay: float = 0
    """Seconds before the headers."""
    first_chunk_delay: float = 0
    """Seconds between the headers and the first byte of the body."""
    chunk_delay: float = 0
    """Seconds between the events of a stream."""
    bytes_per_second: float | None = None
    """Send the body byte by byte at this speed."""

    cut: Cut | None = None
    """Cut the connection before any header, or inside the body or stream."""
    reset: bool = False
    """Cut with a TCP reset instead of closing."""
    after: int | None = None
    """How many events of a stream, or bytes of a body, precede `cut`, `malformed` or `stream_error`; None: half."""

    malformed: bool = False
    """Send a body, or an event of a stream, that is not JSON."""
    stream_error: str | None = None
    """Send an error with this message as an event of the stream, whose status is 200 already."""
    without_done: bool = False
    """End the stream properly, but without its last event (`[DONE]`, `response.completed`)."""
    gzip: bool = False
    """Send the body with `Content-Encoding: gzip`."""

    def __post_init__(self) -> None:
        self._check_types()
        for name in (*INTEGERS, *SECONDS):
            value = getattr(self, name)
            if value is not None and not value >= 0:  # NaN is not
                raise ValueError(f"A fault's {name} is 0 or more, not {value}.")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError(f"A fault's status is an error: {self.status} is not in 400..599, write status=429.")
        if self.times is not None and self.times < 1:
            raise ValueError(f"A fault hits at least once: write times=1 or more, or times=None, not {self.times}.")
        if self.cut is not None and self.cut not in get_args(Cut):
            raise ValueError(f'A connection is cut in "headers" or "body", not in {self.cut!r}.')
        if self.bytes_per_second is not None and self.bytes_per_second <= 0:
            raise ValueError(f"bytes_per_second must be more than 0, not {self.bytes_per_second}.")
        if self.retry_after_date is not None and not abs(self.retry_after_date) < MOST_SECONDS:
            raise ValueError(f"retry_after_date is a number of seconds from now, not {self.retry_after_date}.")
        for name, parts in PARTS.items():
            if self._has(name) and not any(self._has(part.partition("=")[0]) for part in parts):
                raise ValueError(f"A fault's {name} does nothing by itself: add {' or '.join(parts)}.")

    def _check_types(self) -> None:
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            if name in BOOLEANS:
                if not isinstance(value, bool) and (value is not None or name != "should_retry"):
                    raise TypeError(f"A fault's {name} is True or False, not {value!r}.")
            elif value is None or name == "cut":
                continue
            elif name in TEXTS:
                if not isinstance(value, str):
                    raise TypeError(f"A fault's {name} is a text, not {value!r}.")
            elif name in INTEGERS:
                if isinstance(value, bool) or not isinstance(value, int):
                    raise TypeError(f"A fault's {name} is a whole number, not {value!r}.")
            elif not is_number(value):
                raise TypeError(f"A fault's {name} is a number, not {value!r}.")

    def _has(self, name: str) -> bool:
        value = getattr(self, name)
        return value is not None and value is not False


def parse_fault(text: str) -> Fault:
    """Read a fault written as `status=429,times=2,retry-after=0`, as in the header `X-Offline-Fault`.

    Names are those of `Fault`, with `-` or `_`; a name alone means true.

    Raises:
        ValueError: There is no such name, or its value cannot be used.
    """
    values: dict[str, Any] = {}
    for part in filter(None, re.split(r"\s*,\s*", text.strip())):
        name, _, value = part.partition("=")
        name = name.strip().lower().replace("-", "_")
        values[name] = _value(name, value.strip())
    return Fault(**values)


def _value(name: str, text: str) -> Any:
    known = [field.name for field in fields(Fault)]
    if name not in known:
        raise ValueError(f"There is no fault {name!r}; write one of {', '.join(known)}.")
    if name in TEXTS:
        return text or "The server had an error while processing your request."
    if name in BOOLEANS:
        return _boolean(name, text)
    if name == "times" and text.lower() == "always":
        return None
    try:
        return int(text) if name in INTEGERS else float(text)
    except ValueError:
        raise ValueError(f"The fault {name!r} takes a number, not {text!r}; write {name}=1.") from None


def _boolean(name: str, text: str) -> bool:
    if text.lower() not in TRUE + FALSE:
        raise ValueError(f"The fault {name!r} is true or false, not {text!r}.")
    return text.lower() in TRUE
