"""Errors that a server reports in an answer with status 200; for most of them the client raises nothing."""

from __future__ import annotations

from typing import Any

from baserun.instrumentation import CallDetails
from baserun_openai._sse import Event
from baserun_openai._wire import Fields, object_of

_KIND = "APIError"
"""The client's exception for an error of no particular kind."""


def failure_in(event: Event, said: Fields) -> Any:
    """Return the error in an event of a stream, of which `said` is the decoded data; None if there is none."""
    if said.get("error"):
        return said["error"]
    return said if event.name == b"error" or said.get("type") == "error" else None


def tell_failure(body: Any, details: CallDetails) -> None:
    """Fill in the error that the server reported; an empty `body` is none."""
    if not body:
        return
    said = object_of(body)
    message = body if isinstance(body, str) else said.get("message")
    details.error_body = body
    details.error = _kind_of(said), message if isinstance(message, str) else None


def _kind_of(said: dict[str, Any]) -> str:
    # Compatible servers send an HTTP status as the code; the event of an error has the type "error".
    kinds = (said.get("code"), said.get("type"))
    return next((kind for kind in kinds if isinstance(kind, str) and kind not in ("", "error")), _KIND)
