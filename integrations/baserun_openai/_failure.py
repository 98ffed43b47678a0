"""A failure that the server tells of in an answer with status 200, for most of which the client raises nothing."""

from __future__ import annotations

from typing import Any

from baserun.instrumentation import CallDetails
from baserun_openai._sse import Event
from baserun_openai._wire import Fields, object_of

_KIND = "APIError"
"""What the client calls a failure of no particular kind."""


def failure_in(event: Event, said: Fields) -> Any:
    """What an event of a stream, which said this, tells of a failure; None if it is none."""
    if said.get("error"):
        return said["error"]
    return said if event.name == b"error" or said.get("type") == "error" else None


def tell_failure(body: Any, details: CallDetails) -> None:
    """Fill in what the server said in the place of an error, if it said anything."""
    if not body:
        return
    said = object_of(body)
    message = body if isinstance(body, str) else said.get("message")
    details.error_body = body
    details.error = _kind_of(said), message if isinstance(message, str) else None


def _kind_of(said: dict[str, Any]) -> str:
    # Compatible servers put an HTTP status where the code belongs; the event of a failure is of the type "error".
    kinds = (said.get("code"), said.get("type"))
    return next((kind for kind in kinds if isinstance(kind, str) and kind not in ("", "error")), _KIND)
