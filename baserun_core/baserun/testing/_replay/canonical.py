"""A request as it is compared: its endpoint and its body, without secrets and what need not be the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from baserun._content import ContentEncoder, RawJSON
from baserun._redact import Redact, mask_secrets
from baserun.testing._replay.recording import Request

PATHS = (
    "/chat/completions",
    "/responses/compact",
    "/responses",
    "/completions",
    "/embeddings",
    "/moderations",
    "/images/generations",
    "/images/edits",
    "/images/variations",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
)
"""Endpoints whose paths differ between hosts only in their prefix."""
_NEVER_COMPARED = ("user", "safety_identifier", "prompt_cache_key")
"""Members that identify the user, and do not change the question."""
_CONTENT = {"/chat/completions": ("messages",), "/responses": ("instructions", "input", "prompt")}
_EVERY = "*"


class Canon:
    """Brings the requests of a recording and of an application into a form in which they can be compared.

    Args:
        redact: The application's option: ``default``, None, or a function.
        ignore: Members that are not compared: names and indices joined by dots, `*` for all of an object or list.
    """

    def __init__(self, redact: Any, ignore: Iterable[str]) -> None:
        self._masking = _with_secrets_masked(redact)
        self._encoder = ContentEncoder(self._masking)
        self._ignore = [path.split(".") for path in ignore]

    def request(self, method: str, path: str, body: Any) -> Request:
        """Return the request as it is compared; `body` is encoded JSON, or a builtin."""
        endpoint = endpoint_of(path)
        value = self.masked(endpoint, decoded(body))
        for members in self._ignore:
            _remove(value, members)
        return Request(method=method.upper(), path=endpoint, body=value)

    def masked(self, endpoint: str, body: Any) -> Any:
        """Return the body without secrets, and without members that identify the user."""
        if not isinstance(body, dict):
            return self._clean(body, "input")
        content = [name for name in _CONTENT.get(endpoint, ()) if name in body]
        kept = {}
        for name, value in body.items():
            if name in _NEVER_COMPARED or (name == "stream" and not value):
                continue
            # The application's function got these names when the session was recorded.
            alone = content == [name] and name in ("messages", "input")
            field = "input" if alone else f"input.{name}" if name in content else f"parameters.{name}"
            kept[name] = self._clean(value, field)
        return kept

    def answered(self, value: Any, place: str = "output") -> Any:
        """Return an answer without secrets; files in it stay, since the client needs them."""
        if isinstance(value, str):
            return self._masking(value, place)
        if isinstance(value, dict):
            return {name: self.answered(item, f"{place}.{name}") for name, item in value.items()}
        if isinstance(value, list):
            return [self.answered(item, f"{place}[{index}]") for index, item in enumerate(value)]
        return value

    def _clean(self, value: Any, field: str) -> Any:
        if value is None:
            return None
        encoded = self._encoder.json(RawJSON(msgspec.json.encode(value)), field)
        return None if encoded is None else msgspec.json.decode(encoded)


def _with_secrets_masked(redact: Any) -> Redact:
    """Return the application's masking, followed by that of secrets, since recordings are shared files."""
    if redact is None or redact == "default":
        return mask_secrets
    own: Redact = redact
    return lambda text, path: mask_secrets(own(text, path), path)


def endpoint_of(path: str) -> str:
    """Return the path without the prefix of the host."""
    plain = path.partition("?")[0].rstrip("/")
    for known in PATHS:
        if plain.endswith(known):
            return known
    before, separator, after = plain.partition("/v1/")
    return f"/{after}" if separator and not before.strip("/") else plain


def decoded(body: Any) -> Any:
    """Decode a JSON body; None for any other body, such as a form with files."""
    if not isinstance(body, bytes):
        return body
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.MsgspecError, ValueError):
        return None


def _remove(value: Any, members: list[str]) -> None:
    name, *rest = members
    if isinstance(value, dict):
        for key in [key for key in value if name in (_EVERY, key)]:
            if rest:
                _remove(value[key], rest)
            else:
                del value[key]
    elif isinstance(value, list):
        for index in [index for index in range(len(value)) if name in (_EVERY, str(index))]:
            if rest:
                _remove(value[index], rest)
            else:
                value[index] = None
