"""The end user in a call: the one that the caller named, and where one may be filled in."""

from __future__ import annotations

import copy
from typing import Any

from baserun_openai._wire import Fields, text_of

SAFETY_IDENTIFIER = "safety_identifier"
USER = "user"
PARAMETERS = (SAFETY_IDENTIFIER, USER)
"""Where the caller may name the end user; the first one counts."""

MOST_CHARACTERS = 128
"""The longest id that the provider takes."""

_HOST = "api.openai.com"


def named_by(options: Any) -> str | None:
    """On the caller's thread: the end user that the caller of these request options named."""
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
    """On the writer's thread: the end user in what was sent."""
    for name in PARAMETERS:
        value = text_of(fields.get(name))
        if value is not None:
            return value
    return None


def may_fill(client: Any, options: Any) -> bool:
    """Whether this request goes to a host that is known to understand the parameter, and says nothing itself.

    Others answer an unknown parameter with an error. To send the id elsewhere, pass it yourself.
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
    """The same options with the end user in them; the caller's own are left as they are."""
    options = copy.copy(options)
    options.json_data = {**options.json_data, parameter: user}
    return options
