"""An answer as the provider would send it: status, headers, and the pieces of the body."""

from __future__ import annotations

import json
from typing import Any

from baserun.testing._offline.response_stream import response_events
from baserun.testing._replay.chat_stream import chat_events, completion_events
from baserun.testing._replay.defaults import complete
from baserun.testing._replay.recording import Answer, Request

EVENT_STREAM = "text/event-stream"
DONE = b"data: [DONE]\n\n"
_REQUEST_ID = "req_replayed"


def headers_of(answer: Answer) -> dict[str, str]:
    """Return the headers of an answer. They keep the client from retrying an error, which is the recorded outcome."""
    headers = {"content-type": EVENT_STREAM if answer.stream else "application/json", "x-request-id": _REQUEST_ID}
    return headers if answer.status < 400 else {**headers, "x-should-retry": "false"}


def pieces_of(request: Request, answer: Answer) -> list[bytes]:
    """Return the body: one piece, or one for each event."""
    body = complete(request.path, answer.body) if answer.status < 400 else answer.body
    if not answer.stream:
        return [_encoded(body)]
    pieces = _events(request, answer, body)
    if answer.fault == "error":
        pieces.append(_error_event(answer.error))
    elif answer.fault is None and request.path != "/responses":
        pieces.append(DONE)
    return pieces


def _events(request: Request, answer: Answer, body: Any) -> list[bytes]:
    if request.path == "/responses":
        events = response_events(body) if answer.fault is None else _cut(response_events(body), answer.body)
        return [_event(event, name=event["type"]) for event in events]
    if request.path == "/completions":
        return [_event(event) for event in completion_events(body, is_cut=answer.fault is not None)]
    if request.path == "/chat/completions":
        return [_event(event) for event in chat_events(body, is_cut=answer.fault is not None)]
    return [_event(body)]


def _cut(events: list[Any], recorded: Any) -> list[Any]:
    """Return the events without the final one, and without the end of the last item if that was not complete."""
    if not recorded:
        return []  # it was cut before the first event
    events = events[:-1]
    items = recorded.get("output")
    if items and items[-1].get("status") != "completed":
        while events[-1]["type"].endswith(".done"):
            events.pop()
    return events


def _error_event(error: Any) -> bytes:
    # In the Responses API the event itself is the error, and clients pass it to the application.
    if isinstance(error, dict) and error.get("type") == "error":
        return _event(error, name="error")
    return _event({"error": error})


def _event(value: Any, name: str | None = None) -> bytes:
    head = b"" if name is None else f"event: {name}\n".encode()
    return head + b"data: " + _encoded(value) + b"\n\n"


def _encoded(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
