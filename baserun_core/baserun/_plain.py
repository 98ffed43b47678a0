"""Recognizing content that is stored unchanged: most of it, and checking is cheaper than cleaning."""

from __future__ import annotations

import math
from typing import Any

from baserun._cleaner import DEPTH_LIMIT, STRING_LIMIT
from baserun._payload import KEYS, SHORT, may_be_base64, may_hold_data_url


def is_plain_text(text: str) -> bool:
    """Whether a text, not JSON, is stored unchanged; secrets are not looked for."""
    if len(text) > STRING_LIMIT or not text.isascii() or "\0" in text:
        return False
    return not may_hold_data_url(text)


def is_plain(value: Any, limit: int, depth: int = 0) -> bool:
    """Whether msgspec encodes the value exactly as it is to be stored (except lone surrogates, which it refuses)."""
    cls = type(value)
    if cls is str:
        return len(value) <= limit and "\0" not in value and not (";" in value and may_hold_data_url(value))
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
        if type(key) is not str or len(key) > SHORT or "\0" in key:
            return False
        if item is not None and not is_plain(item, limit, depth + 1):
            return False
        if key in KEYS and _may_be_file(item):
            return False
    return True


def _may_be_file(value: Any) -> bool:
    """Whether a value under one of `KEYS` may be base64, or a list that contains some."""
    return any(map(may_be_base64, value)) if type(value) is list else may_be_base64(value)
