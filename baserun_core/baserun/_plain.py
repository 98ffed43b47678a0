"""Content that is stored exactly as it is: most of it, and to know that is cheaper than to walk through it."""

from __future__ import annotations

import math
from typing import Any

from baserun import _payload
from baserun._cleaner import DEPTH_LIMIT, STRING_LIMIT


def is_plain_text(text: str) -> bool:
    """Whether, secrets apart, a text that is no JSON is stored exactly as it is."""
    if len(text) > STRING_LIMIT or not text.isascii() or "\0" in text:
        return False
    return not _payload.may_hold_data_url(text)


def is_plain(value: Any, limit: int, depth: int = 0) -> bool:
    """Whether msgspec writes the value exactly as it should be stored (surrogates apart, which it refuses)."""
    cls = type(value)
    if cls is str:
        return len(value) <= limit and "\0" not in value and not _payload.may_hold_data_url(value)
    if value is None or cls is bool:
        return True
    if cls is int:
        return bool(-(2**63) <= value < 2**64)
    if cls is float:
        return math.isfinite(value)
    if depth >= DEPTH_LIMIT:
        return False
    if cls is dict:
        return _is_plain_dict(value, limit, depth)
    if cls is not list and cls is not tuple:
        return False
    for item in value:  # noqa: SIM110  # half the time of all() with a generator
        if not is_plain(item, limit, depth + 1):
            return False
    return True


def _is_plain_dict(value: dict[Any, Any], limit: int, depth: int) -> bool:
    for key, item in value.items():
        if type(key) is not str or len(key) > _payload.SHORT or "\0" in key:
            return False
        if not is_plain(item, limit, depth + 1):
            return False
        if key in _payload.KEYS and _payload.may_be_base64(item):
            return False
    return True


def _is_deep(value: Any, depth: int = 0) -> bool:
    """Whether containers are nested deeper than is stored."""
    if depth > DEPTH_LIMIT:
        return True
    for item in value.values() if type(value) is dict else value:
        if (type(item) is dict or type(item) is list) and _is_deep(item, depth + 1):
            return True
    return False


def is_storable(text: str, value: Any, limit: int) -> bool:
    """Whether JSON that came over the wire, here as text and as what it says, can be stored as it is."""
    if len(text) > limit or ("\\" in text and "\\u0000" in text) or _payload.may_hold_payload(text):
        return False
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return True
    return not ((type(value) is dict or type(value) is list) and _is_deep(value))
