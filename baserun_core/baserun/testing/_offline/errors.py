"""Error answers, in OpenAI's format."""

from __future__ import annotations

from typing import Any

from baserun.testing._offline.exchange import Answer, Json, json_answer

# type, code and message of the provider for each status
KNOWN_STATUSES: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "The request could not be understood."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: offline."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    405: ("invalid_request_error", None, "Not allowed to use this method on this endpoint."),
    408: ("timeout", None, "The request timed out."),
    409: ("invalid_request_error", None, "The resource is locked by another request."),
    413: ("invalid_request_error", None, "The request is too large."),
    422: ("invalid_request_error", None, "The request was well-formed but could not be processed."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    502: ("server_error", None, "Bad gateway."),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
    504: ("server_error", None, "The upstream server did not answer in time."),
}


class RequestError(Exception):
    """The request cannot be served; `answer` is the error to send."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.answer = error_answer(status, message=message, param=param, code=code)


def error_answer(
    status: int,
    *,
    message: str | None = None,
    param: str | None = None,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    """Return the provider's error answer with this status."""
    return json_answer(
        {"error": error_body(status, message=message, param=param, code=code)}, status=status, headers=headers
    )


def error_body(status: int, *, message: str | None = None, param: str | None = None, code: str | None = None) -> Json:
    """Return the `error` object for this status."""
    default = ("server_error" if status >= 500 else "invalid_request_error", None, f"The server answered {status}.")
    kind, usual_code, usual_message = KNOWN_STATUSES.get(status, default)
    # A message that is given is about something else than the usual code of the status.
    chosen_code = code if message is not None or code is not None else usual_code
    return {"message": message or usual_message, "type": kind, "param": param, "code": chosen_code}


def required(body: Json, name: str) -> Any:
    """Return the value of a required parameter.

    Raises:
        RequestError: It is missing.
    """
    value = body.get(name)
    if value is None:
        raise RequestError(f"Missing required parameter: '{name}'.", param=name, code="missing_required_parameter")
    return value
