"""Cleaning one field of content in one walk: strings are redacted and cleaned, other values converted to JSON's."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from baserun import _payload
from baserun._atoms import Described, RawJSON
from baserun._redact import LONGEST_SECRET, Redact
from baserun._reflection import type_name
from baserun._values import BREADTH_LIMIT, NODE_LIMIT, key_text, unused_name

STRING_LIMIT = 1_048_576
"""Characters of one string."""
FIELD_LIMIT = 8 * 1_048_576
"""Characters of all strings of one field together."""
DEPTH_LIMIT = 64
"""Nesting of containers that is stored; readers need some stack of their own."""

decode_json: Callable[[bytes], Any] = msgspec.json.Decoder().decode
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


class Cleaner:
    """One walk over one field.

    Args:
        limit: Characters of one string; longer ones are cut.
        redact: Takes each string and its path, and returns the text to store.
        masks_keys: Whether it also gets the keys of dicts and long numbers.
    """

    def __init__(self, limit: int, redact: Redact, *, masks_keys: bool) -> None:
        self._limit = limit
        self._redact = redact
        self._masks_keys = masks_keys
        self._room = FIELD_LIMIT
        self._nodes = 20 * NODE_LIMIT

    def clean(self, value: Any, path: str, key: str, depth: int) -> Any:
        cls = type(value)
        if cls is str:
            payload = _payload.described(value, key)
            return self.text(value, path) if payload is None else payload
        if value is None or cls is bool:
            return value
        if cls is int:
            return self._number(value, path)
        if cls is float:
            return value if math.isfinite(value) else _NOT_FINITE[repr(value)]
        if cls is dict or cls is list or cls is tuple:
            return self._container(value, path, key, depth)
        return self._other(value, cls, path, key, depth)

    def text(self, value: str, path: str) -> str:
        """Cut the string to the limit, redact it, and replace the characters that UTF-8 or a store cannot take."""
        room = max(0, min(self._limit, self._room))
        if len(value) <= room:
            text = self._redacted(value, path)
            self._room -= len(text)
            return text
        text = self._redacted(value[: room + 2 * LONGEST_SECRET], path)
        # The window may end in the first half of a secret, which no pattern recognizes.
        kept = text[: max(0, min(room, len(text) - LONGEST_SECRET))]
        self._room -= len(kept)
        return f"{kept}… [cut: {len(value):,} characters, sha256 {_text_digest(value)}]"

    def _redacted(self, value: str, path: str) -> str:
        text = self._redact(_payload.without_data_urls(clean_text(value)), path)
        return clean_text(text)

    def _number(self, value: int, path: str) -> int | str:
        if -(2**63) <= value < 2**64:
            # A card number can be an int too; in practice no count is that long.
            if value < 10**12 or not self._masks_keys:
                return value
            digits = str(value)
            masked = self._redact(digits, path)
            return value if masked == digits else masked
        if value.bit_length() > 8192:
            return f"<int of {value.bit_length():,} bits>"
        return self.text(str(value), path)

    def _container(self, value: Any, path: str, key: str, depth: int) -> Any:
        if depth >= DEPTH_LIMIT:
            return f"[cut: nested deeper than {DEPTH_LIMIT}]"
        room = min(len(value), max(0, self._nodes), BREADTH_LIMIT * 32)
        self._nodes -= room
        left_out = len(value) - room
        if type(value) is dict:
            return self._pairs(value, room, left_out, path, depth + 1)
        items = [self.clean(item, f"{path}[{index}]", key, depth + 1) for index, item in enumerate(value[:room])]
        return [*items, f"[cut: {left_out:,} more]"] if left_out else items

    def _pairs(self, value: dict[Any, Any], room: int, left_out: int, path: str, depth: int) -> dict[str, Any]:
        cleaned: dict[str, Any] = {}
        for key, item in value.items():
            if len(cleaned) >= room:
                break
            name = self._name(key, path)
            if name in cleaned:
                name = unused_name(name, cleaned)
            cleaned[name] = self.clean(item, f"{path}.{name}", name, depth)
        if left_out:
            cleaned[unused_name("…", cleaned)] = f"[cut: {left_out:,} more]"
        return cleaned

    def _name(self, key: object, path: str) -> str:
        name = clean_text(key if type(key) is str else key_text(key))
        if len(name) > _payload.SHORT or self._masks_keys:
            name = self._redact(name, "") if self._masks_keys else name
            return name if len(name) <= 1000 else f"{name[:1000]}… [cut: {len(name):,} characters]"
        return name

    def _other(self, value: Any, cls: type, path: str, key: str, depth: int) -> Any:
        if cls is Described:
            return clean_text(value.text)
        if cls is bytes:
            return _payload.of_bytes(value, "bytes")
        if cls is RawJSON or cls is msgspec.Raw:
            return self._nested_json(value, path, key, depth)
        try:
            # The other types in snapshots: UUID, Decimal, date, time, datetime, timedelta.
            simple = msgspec.to_builtins(value)
        except Exception:
            return f"<{type_name(cls)}>"
        return clean_text(simple) if type(simple) is str else f"<{type_name(cls)}>"

    def _nested_json(self, value: Any, path: str, key: str, depth: int) -> Any:
        data = value.data if type(value) is RawJSON else bytes(memoryview(value))
        try:
            return self.clean(parsed(data), path, key, depth + 1)
        except RecursionError:
            return _payload.of_bytes(data, "application/json")


def clean_text(text: str) -> str:
    """Replace NUL and lone surrogates by U+FFFD; two surrogates that form a pair become one character."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def parsed(data: bytes) -> Any:
    """Decode JSON, leniently if it is not valid."""
    try:
        return decode_json(data)
    except (ValueError, msgspec.MsgspecError):
        return leniently_parsed(data)


def leniently_parsed(data: bytes) -> Any:
    """Decode JSON as leniently as `json` does; anything else (a proxy's page, half a body) becomes its text."""
    try:
        return json.loads(data)  # takes lone surrogates, NaN and numbers out of range
    except ValueError:
        return data.decode("utf-8", "replace")
    except RecursionError:
        return _payload.of_bytes(data, "application/json")


def _text_digest(text: str) -> str:
    """Return the sha256 of the text's UTF-8, taken in pieces: a huge string must not be copied as a whole."""
    digest = sha256()
    for start in range(0, len(text), STRING_LIMIT):
        digest.update(text[start : start + STRING_LIMIT].encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
