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
        if key in _payload.KEYS and _may_be_file(item):
            return False
    return True


def is_storable(text: str, value: Any, limit: int) -> bool:
    """Whether JSON that came over the wire, here as text and as what it says, can be stored as it is."""
    if len(text) > limit or ("\\" in text and "\\u0000" in text) or _payload.may_hold_data_url(text):
        return False
    return not (type(value) is dict or type(value) is list) or _is_plain_inside(value)


def _is_plain_inside(container: dict[str, Any] | list[Any]) -> bool:
    """Whether nothing is nested too deeply, and no file stands in base64 under a name for such."""
    level = [container]
    for _ in range(DEPTH_LIMIT):
        deeper: list[Any] = []
        for each in level:
            items: Any = each
            if type(each) is dict:
                names = _payload.KEYS.intersection(each)
                if names and any(_may_be_file(each[name]) for name in names):
                    return False
                items = each.values()
            for item in items:
                if type(item) is dict or type(item) is list:
                    deeper.append(item)  # noqa: PERF401  # a comprehension is a call of its own, and most are short
        if not deeper:
            return True
        level = deeper
    return False


def _may_be_file(value: Any) -> bool:
    """Whether this may be base64, or an array with some, under a name for such."""
    return any(map(_payload.may_be_base64, value)) if type(value) is list else _payload.may_be_base64(value)
