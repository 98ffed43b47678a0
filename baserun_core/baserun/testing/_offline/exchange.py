"""Requests that the server received, and answers that it sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
"""A JSON object."""

End = Literal["complete", "cut", "client_left"]
"""How an answer ended: sent whole, cut by a chosen fault, or abandoned by the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedRequest:
    """One HTTP request as it arrived; retries are requests of their own."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded as JSON.

        Raises:
            ValueError: It is not JSON (a multipart upload, for example).
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentAnswer:
    """The answer sent to one request: everything that was written, without the transfer encoding."""

    request: ReceivedRequest
    status: int | None
    """None when the connection was cut before any header."""
    headers: Mapping[str, str]
    body: bytes
    end: End

    @property
    def json(self) -> Any:
        """The body, decoded as JSON."""
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The decoded data of all events of a stream, in order, without `[DONE]`."""
        lines = self.body.decode().split("\n")
        data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        return [json.loads(text) for text in data if text != "[DONE]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer before a fault is applied: a body, or the events of a stream."""

    status: int = 200
    content_type: str = "application/json"
    body: bytes = b""
    events: tuple[bytes, ...] | None = None
    has_named_events: bool = False
    """Whether events carry an `event:` line, as those of the Responses API do."""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(payload: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with `payload` as its JSON body."""
    return Answer(status=status, body=encode(payload), headers=headers or {})


def data_events(payloads: list[Json], *, done: bool = True) -> Answer:
    """Return a stream of unnamed events, which ends with `[DONE]` if `done`."""
    events = [b"data: " + encode(payload) + b"\n\n" for payload in payloads]
    if done:
        events.append(b"data: [DONE]\n\n")
    return Answer(content_type="text/event-stream; charset=utf-8", events=tuple(events))


def named_events(payloads: list[Json]) -> Answer:
    """Return a stream of events that are named by their `type`."""
    events = tuple(
        f"event: {payload['type']}\n".encode() + b"data: " + encode(payload) + b"\n\n" for payload in payloads
    )
    return Answer(content_type="text/event-stream; charset=utf-8", events=events, has_named_events=True)


def encode(payload: Any) -> bytes:
    """Encode `payload` as compact JSON."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
