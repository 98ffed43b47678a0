"""The end user in a call: reading the one that the caller named, and filling in the session's."""

from __future__ import annotations

import copy
from typing import Any

from baserun_openai._wire import Fields, text_of

SAFETY_IDENTIFIER = "safety_identifier"
USER = "user"
PARAMETERS = (SAFETY_IDENTIFIER, USER)
"""The parameters in which the caller may name the end user; the first that is set counts."""

MOST_CHARACTERS = 128
"""The longest id that the provider accepts."""

_HOST = "api.openai.com"


def named_by(options: Any) -> str | None:
    """Return the end user in the request options; runs on the caller's thread."""
    sent, extra = options.json_data, options.extra_json
    if type(sent) is not dict:
        sent = {}
    if type(extra) is dict:
        sent = {**sent, **extra}
    for name in PARAMETERS:
        if name in sent and (value := sent[name]) and isinstance(value, str):
            named: str = value
            return named
    return None


def named_in(fields: Fields) -> str | None:
    """Return the end user in a request that was sent; runs on the writer's thread."""
    for name in PARAMETERS:
        value = text_of(fields.get(name))
        if value is not None:
            return value
    return None


def may_fill(client: Any, options: Any) -> bool:
    """Whether the request goes to a host that is known to accept the parameter, and names no end user itself.

    Other hosts answer an unknown parameter with an error; to send the id there, the caller passes it.
    """
    if not options.url.startswith("/"):
        return False
    host = client.base_url.host
    if host != _HOST and not host.endswith("." + _HOST):
        return False
    body, extra = options.json_data, options.extra_json
    said = {**body, **(extra or {})} if type(body) is dict else None
    return said is not None and not any(name in said for name in PARAMETERS)


def filled(options: Any, parameter: str, user: str) -> Any:
    """Return a copy of the options with the end user; the caller's options are not changed."""
    options = copy.copy(options)
    options.json_data = {**options.json_data, parameter: user}
    return options
