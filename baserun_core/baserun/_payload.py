"""Files inside content: images, audio and documents in base64 are described by type, size and hash, not stored."""

from __future__ import annotations

import binascii
import re
from hashlib import sha256
from typing import Any

from baserun._redact import contains

SHORT = 64
"""Characters of a dict's key that need not be checked; a longer key may have to be cut."""
LONG = 256
"""Characters; base64 without a type is recognized only from this length on, and only under one of `KEYS`."""
SHORTEST_LINE = 60
"""Characters that the first line must have for a text with line breaks to be base64."""
KEYS = frozenset({"b64_json", "data", "file_data", "bytes", "partial_image_b64", "image_b64", "result", "embedding"})
"""Keys under which providers' APIs carry base64."""

ASCII_ESCAPE = re.compile(r"\\u00[2-7]")
"""A JSON escape of a printable ASCII character, by which the patterns for secrets would miss one."""

_DATA_URL_HEAD = re.compile(r"data:([A-Za-z0-9.+/-]{0,100})(?:;[A-Za-z0-9.=_-]{1,100}){0,8};base64,", re.IGNORECASE)
_DATA_URL = re.compile(
    r"data:([A-Za-z0-9.+/-]{0,100})(?:;[A-Za-z0-9.=_-]{1,100}){0,8};base64,([A-Za-z0-9+/_-]{32,}+={0,2})", re.IGNORECASE
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]*+={0,2}\s*+")
_BASE64_MARK = re.compile(r";base64,")


def described(text: str, key: str) -> dict[str, Any] | None:
    """Describe a string that is a file as a whole; None for any other string.

    Args:
        key: The key that the string is the value of; inside an array, the key of the array.
    """
    if len(text) < 24:
        return None
    if text[:5].lower() == "data:":
        head = _DATA_URL_HEAD.match(text)
        if head is None or _BASE64.fullmatch(text, head.end()) is None:
            return None
        return _of_base64(text[head.end() :], head[1].lower() or "text/plain")
    if key in KEYS and may_be_base64(text) and not _is_in_short_lines(text) and _BASE64.fullmatch(text) is not None:
        return _of_base64(text, "base64")
    return None


def without_data_urls(text: str) -> str:
    """Replace files within the text, such as Markdown images, by descriptions in brackets."""
    return _DATA_URL.sub(_in_brackets, text) if may_hold_data_url(text) else text


def of_bytes(data: bytes, kind: str) -> dict[str, Any]:
    """Describe bytes by their kind, size and hash."""
    return {"type": kind, "size": len(data), "sha256": sha256(data).hexdigest()}


def may_be_base64(value: object) -> bool:
    """Whether this is a string of at least `LONG` characters without a space near its beginning."""
    return type(value) is str and len(value) >= LONG and " " not in value[:LONG]


def _is_in_short_lines(text: str) -> bool:
    """Whether the first line is too short for base64 (64 or 76 characters a line): words or ids, one a line."""
    return text.find("\n", 0, SHORTEST_LINE) >= 0


def may_hold_data_url(text: str) -> bool:
    """Whether there is a base64 data URL in the text."""
    return len(text) >= 24 and contains(text, ";", _BASE64_MARK)


def _in_brackets(match: re.Match[str]) -> str:
    payload = _of_base64(match[2], match[1].lower() or "text/plain")
    return f"[{payload['type']}, {payload['size']:,} bytes, sha256 {payload['sha256']}]"


def _of_base64(text: str, kind: str) -> dict[str, Any]:
    """Describe a file in base64; if that is invalid, size and hash are those of the text itself."""
    try:
        data = binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")
    except ValueError:
        data = text.encode("utf-8", "surrogatepass")
    return of_bytes(data, kind)
