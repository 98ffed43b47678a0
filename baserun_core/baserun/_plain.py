"""Recognizing content that is stored unchanged: most of it, and checking is cheaper than cleaning."""

from __future__ import annotations

import math
import re
from typing import Any

from baserun._cleaner import DEPTH_LIMIT, STRING_LIMIT
from baserun._payload import KEYS, SHORT, may_be_base64, may_hold_data_url
from baserun._redact import contains

_ESCAPED_NUL = re.compile(r"0(?<=\\u0)000")
"""The escape of NUL in JSON, from its first zero on: of its characters text has zeros least often."""


def is_plain_text(text: str) -> bool:
    """Whether a text, not JSON, is stored unchanged; secrets are not looked for."""
    if len(text) > STRING_LIMIT or not text.isascii() or "\0" in text:
        return False
    return not (";" in text and may_hold_data_url(text))


def is_plain_json(text: str) -> bool:
    """Whether no string in a JSON text has to be changed for a character or a file in it; may say no wrongly.

    Printable characters must not be escaped needlessly. One search of all is cheaper than one of each string.
    """
    if "\\" in text and contains(text, "0", _ESCAPED_NUL):
        return False
    return not (";" in text and may_hold_data_url(text))


def is_plain(value: Any, limit: int, depth: int = 0) -> bool:
    """Whether the JSON that msgspec encodes of the value is to be stored, if `is_plain_json` says so too."""
    cls = type(value)
    if cls is str:
        return len(value) <= limit
    if cls is dict and depth < DEPTH_LIMIT:
        for key, item in value.items():
            if type(key) is not str or len(key) > SHORT or (key in KEYS and _may_be_file(item)):
                return False
            if type(item) is str:
                if len(item) > limit:
                    return False
            elif item is not None and not is_plain(item, limit, depth + 1):
                return False
        return True
    if (cls is list or cls is tuple) and depth < DEPTH_LIMIT:
        for item in value:  # noqa: SIM110  # half the time of all() with a generator
            if not is_plain(item, limit, depth + 1):
                return False
        return True
    if cls is int:
        return bool(-(2**63) <= value < 2**64)
    if cls is float:
        return math.isfinite(value)
    return value is None or cls is bool


def _may_be_file(value: Any) -> bool:
    """Whether a value under one of `KEYS` may be base64, or a list that contains some."""
    return any(map(may_be_base64, value)) if type(value) is list else may_be_base64(value)
