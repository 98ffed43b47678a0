"""Applying a fault to an answer before it is sent. Delays, cuts and encodings are applied while sending."""

from __future__ import annotations

import time
from dataclasses import replace
from email.utils import formatdate

from baserun.testing._offline.errors import error_answer, error_body
from baserun.testing._offline.exchange import Answer, encode
from baserun.testing._offline.fault import Fault


def refusal(fault: Fault) -> Answer | None:
    """Return the error answer of a fault with a status; None for other faults."""
    if fault.status is None:
        return None
    return error_answer(fault.status, message=fault.message, code=fault.code, headers=_retry_headers(fault))


def damaged(answer: Answer, fault: Fault) -> Answer:
    """Return `answer` with its content damaged as the fault says."""
    if answer.events is None:
        return replace(answer, body=answer.body[: _middle(answer.body, fault)]) if fault.malformed else answer
    events = list(answer.events)
    if fault.without_done:
        events.pop()
    if fault.malformed:
        position = _middle(events, fault)
        events[position : position + 1] = [b'data: {"id": "broken\n\n']
    if fault.stream_error is not None:
        position = _middle(events, fault)
        events[position:] = [_error_event(fault, position, named=answer.has_named_events)]
    return replace(answer, events=tuple(events))


def cut_position(answer: Answer, fault: Fault) -> int | None:
    """Return how many events, or bytes, are sent before the connection is cut; None if it is not cut in the body."""
    if fault.cut != "body":
        return None
    return _middle(answer.body if answer.events is None else answer.events, fault)


def _middle(parts: bytes | list[bytes] | tuple[bytes, ...], fault: Fault) -> int:
    if fault.after is None:
        return len(parts) // 2
    return min(fault.after, len(parts))


def _error_event(fault: Fault, position: int, *, named: bool) -> bytes:
    error = error_body(500, message=fault.stream_error, code=fault.code)
    if not named:
        return b"data: " + encode({"error": error}) + b"\n\n"
    event = {
        "type": "error",
        "code": error["code"] or error["type"],
        "message": error["message"],
        "param": None,
        "sequence_number": position,
    }
    return b"event: error\ndata: " + encode(event) + b"\n\n"


def _retry_headers(fault: Fault) -> dict[str, str]:
    headers = {}
    if fault.retry_after is not None:
        headers["retry-after"] = f"{fault.retry_after:g}"
    if fault.retry_after_date is not None:
        headers["retry-after"] = formatdate(time.time() + fault.retry_after_date, usegmt=True)
    if fault.retry_after_ms is not None:
        headers["retry-after-ms"] = f"{fault.retry_after_ms:g}"
    if fault.should_retry is not None:
        headers["x-should-retry"] = "true" if fault.should_retry else "false"
    return headers
