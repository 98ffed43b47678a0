"""A recording: the calls of one conversation, in a file that people read and review."""

from __future__ import annotations

from typing import Any

import msgspec

from baserun.exceptions import BaserunError

VERSION = 1


class RecordingError(BaserunError):
    """A recording cannot be read, or cannot be made."""


class Request(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A request: the part of it that is compared."""

    method: str
    path: str
    continues: int | None = None
    """In a file: the number of the earlier call that it continues; `body` then has only what is new."""
    body: Any = None


class Answer(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The provider's answer."""

    status: int = 200
    stream: bool = False
    """Whether it was a stream; `body` then has its merged events."""
    body: Any = None
    fault: str | None = None
    """How it ended early: ``network``, ``timeout``, or ``error`` for an error that the provider sent in the stream."""
    error: Any = None


class Exchange(msgspec.Struct, kw_only=True):
    """One call: its request and its answer."""

    request: Request
    answer: Answer


class Recording(msgspec.Struct, kw_only=True):
    """Calls in the order in which they were made."""

    recording: int = VERSION
    ignore: list[str] = msgspec.field(default_factory=list)
    """Members of requests that are not compared, such as ``messages.0.content``."""
    calls: list[Exchange] = msgspec.field(default_factory=list)
