"""Content as it is stored: JSON text that every store and every reader can take, redacted and bounded.

Runs on the writer's thread. What comes in is a snapshot (`baserun._values`) or JSON as it came over the wire; what
goes out is always valid JSON and valid UTF-8. Changes on the way: secrets are masked; files are described, not
stored; long strings and deep nesting are cut, with the cut marked; NaN, infinities and integers beyond 64 bits
become strings; lone surrogates and NUL become U+FFFD.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec

from baserun import _payload
from baserun._atoms import Described, RawJSON
from baserun._redact import (
    LONGEST_SECRET,
    REDACTION_FAILED,
    Mask,
    Redact,
    apply_masks,
    mask_secrets,
    masks_for,
    names_a_header,
)
from baserun._reflection import type_name
from baserun._values import BREADTH_LIMIT, NODE_LIMIT, key_text, unused_name

__all__ = ["ContentEncoder", "RawJSON"]

STRING_LIMIT = 1_048_576
"""Characters of one string."""
FIELD_LIMIT = 8 * 1_048_576
"""Characters of all strings of one field together."""
RAW_LIMIT = 64 * 1_048_576
"""Bytes of JSON that are parsed; more is only described."""
DEPTH_LIMIT = 64
"""Containers inside containers that are stored; readers need some stack of their own."""
PREVIEW_MARGIN = 16_384
"""Characters behind a preview's end that are looked at too, so that no half of a secret is left at its end."""

logger = logging.getLogger("baserun")


class ContentEncoder:
    """Turns captured values into what is stored.

    Args:
        redact: is given each string and the path where it stands, and returns what may be stored; None stores
            everything as it is. Of a string beyond the limit only the beginning is given. Where it fails, the string is
            replaced by ``[masked: redaction failed]``; each kind of failure is logged once.
    """

    def __init__(self, redact: Redact | None) -> None:
        self._redact = redact
        self._logged: set[str] = set()

    def json(self, value: object, field: str, limit: int = STRING_LIMIT) -> str | None:
        """The value as JSON text, None for None. Never raises.

        Args:
            value: a snapshot, or JSON as it came over the wire (`RawJSON`, `msgspec.Raw`).
            field: what the value is called in the paths that the redact function sees.
            limit: characters of one string; longer ones are cut.
        """
        if value is None:
            return None
        try:
            if type(value) is RawJSON:
                return self._wire(value.data, field, limit)
            if type(value) is msgspec.Raw:
                return self._wire(bytes(memoryview(value)), field, limit)
            return self._value(value, field, limit)
        except Exception as error:
            self._log_once(f"could not be encoded ({type_name(type(error))})", field)
            return json.dumps(f"[not recorded: {type_name(type(error))}]")

    def text(self, value: object, field: str, limit: int | None = None) -> str | None:
        """The string, redacted, cleaned, and cut to ``limit`` characters; None for None. Never raises."""
        if value is None:
            return None
        try:
            if type(value) is not str:
                return value.text if type(value) is Described else self.json(value, field, limit or STRING_LIMIT)
            return self._plain_text(value, field, limit)
        except Exception as error:
            self._log_once(f"could not be encoded ({type_name(type(error))})", field)
            return f"[not recorded: {type_name(type(error))}]"

    def _plain_text(self, value: str, field: str, limit: int | None) -> str:
        whole = value if limit is None else value[: limit + PREVIEW_MARGIN]
        masked = self._storable(whole, field)
        if limit is not None and len(masked) < limit + LONGEST_SECRET and len(whole) < len(value):
            masked = self._storable(value, field)
        if limit is None or len(masked) <= limit:
            return masked
        return masked[: max(0, limit - 1)] + "…"

    def _storable(self, text: str, field: str) -> str:
        # Most texts are names and ids: they need nothing, and to know that is cheaper than to do it.
        if _is_plain_text(text) and (
            self._redact is None or (self._redact is mask_secrets and not masks_for(text) and not names_a_header(field))
        ):
            return text
        return self._cleaner(STRING_LIMIT, None).text(text, field)

    def _value(self, value: object, field: str, limit: int) -> str:
        if (self._redact is None or self._redact is mask_secrets) and _is_plain(value, limit):
            try:
                text = _encode(value).decode()
            except UnicodeEncodeError:  # lone surrogates
                text = ""
            if text and len(text) <= FIELD_LIMIT:
                masks = masks_for(text) if self._redact is not None else ()
                return self._cleaned(value, field, limit, masks) if masks else text
        return self._cleaned(value, field, limit, None)

    def _wire(self, data: bytes, field: str, limit: int) -> str:
        if len(data) > RAW_LIMIT:
            return _described_json(data, "too large")
        try:
            # Decoded in full, for readers will do the same: skipping through it would accept numbers out of range.
            value = _decode(data)
        except RecursionError:
            return _described_json(data, "nested too deeply")
        except (ValueError, msgspec.MsgspecError):
            return self._cleaned(_leniently_parsed(data), field, limit, None)
        masks: tuple[Mask, ...] | None = None
        if self._redact is None or self._redact is mask_secrets:
            text = data.decode()
            masks = self._masks(text)
            if masks == () and _is_storable(text, value, limit):
                return text
        return self._cleaned(value, field, limit, masks)

    def _masks(self, text: str) -> tuple[Mask, ...] | None:
        """What masks this JSON needs; None when escapes may hide some."""
        if self._redact is None:
            return ()
        return None if _payload.contains(text, "\\", _payload.ASCII_ESCAPE) else masks_for(text)

    def _cleaned(self, value: object, field: str, limit: int, masks: tuple[Mask, ...] | None) -> str:
        return _encode(self._cleaner(limit, masks).clean(value, field, "", 0)).decode()

    def _cleaner(self, limit: int, masks: tuple[Mask, ...] | None) -> _Cleaner:
        """The masks are all that the field was found to need; None when that is not known."""
        if self._redact is None:
            return _Cleaner(limit, lambda text, path: text, masks_keys=False)
        if self._redact is not mask_secrets:
            return _Cleaner(limit, self._guarded, masks_keys=False)
        if masks is None:
            return _Cleaner(limit, mask_secrets, masks_keys=True)
        known = masks
        return _Cleaner(limit, lambda text, path: _mask_known(text, path, known), masks_keys=True)

    def _guarded(self, text: str, path: str) -> str:
        """What the user's function makes of the text, or words in its place where the function fails."""
        assert self._redact is not None
        try:
            result: object = self._redact(text, path)
        except Exception as error:
            self._log_once(f"was masked because the redact function raised {type_name(type(error))}", path)
            return REDACTION_FAILED
        if type(result) is str:
            return result
        if issubclass(type(result), str):
            return str.__str__(result)
        self._log_once(f"was masked because the redact function returned {type_name(type(result))}, not str", path)
        return REDACTION_FAILED

    def _log_once(self, what: str, path: str) -> None:
        if what not in self._logged:
            self._logged.add(what)
            logger.warning("%s %s; the same is not logged again", _loggable(path), what)


class _Cleaner:
    """One walk over one field: every string redacted and cleaned, every value made one that JSON has."""

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
        """The string as it is stored: no more than the limit, redacted, without what UTF-8 or a store cannot take."""
        room = max(0, min(self._limit, self._room))
        if len(value) <= room:
            text = self._redacted(value, path)
            self._room -= len(text)
            return text
        text = self._redacted(value[: room + 2 * LONGEST_SECRET], path)
        # What stands at the window's end may be the first half of a secret, which no pattern recognizes.
        kept = text[: max(0, min(room, len(text) - LONGEST_SECRET))]
        self._room -= len(kept)
        return f"{kept}… [cut: {len(value):,} characters, sha256 {_text_digest(value)}]"

    def _redacted(self, value: str, path: str) -> str:
        text = self._redact(_payload.without_data_urls(clean_text(value)), path)
        return clean_text(text)

    def _number(self, value: int, path: str) -> int | str:
        if -(2**63) <= value < 2**64:
            # A card number can be a number too; nothing that long is counted in practice.
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
            # The rest of what snapshots hold: UUID, Decimal, date, time, datetime, timedelta.
            simple = msgspec.to_builtins(value)
        except Exception:
            return f"<{type_name(cls)}>"
        return clean_text(simple) if type(simple) is str else f"<{type_name(cls)}>"

    def _nested_json(self, value: Any, path: str, key: str, depth: int) -> Any:
        data = value.data if type(value) is RawJSON else bytes(memoryview(value))
        try:
            return self.clean(_parsed(data), path, key, depth + 1)
        except RecursionError:
            return _payload.of_bytes(data, "application/json")


def clean_text(text: str) -> str:
    """The text with U+FFFD in place of NUL and lone surrogates; surrogates that pair up become one character."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
_encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Any] = msgspec.json.Decoder().decode


def _is_plain_text(text: str) -> bool:
    """Whether, secrets apart, a text that is no JSON is stored exactly as it is."""
    if len(text) > STRING_LIMIT or not text.isascii() or "\0" in text:
        return False
    return not _payload.may_hold_data_url(text)


def _is_plain(value: Any, limit: int, depth: int = 0) -> bool:
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
        if not _is_plain(item, limit, depth + 1):
            return False
    return True


def _is_plain_dict(value: dict[Any, Any], limit: int, depth: int) -> bool:
    for key, item in value.items():
        if type(key) is not str or len(key) > _payload.SHORT or "\0" in key:
            return False
        if not _is_plain(item, limit, depth + 1):
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


def _is_storable(text: str, value: Any, limit: int) -> bool:
    """Whether JSON that came over the wire, here as text and as what it says, can be stored as it is."""
    if len(text) > limit or ("\\" in text and "\\u0000" in text) or _payload.may_hold_payload(text):
        return False
    if text.count("[") + text.count("{") <= DEPTH_LIMIT:
        return True
    return not ((type(value) is dict or type(value) is list) and _is_deep(value))


def _parsed(data: bytes) -> Any:
    try:
        return _decode(data)
    except (ValueError, msgspec.MsgspecError):
        return _leniently_parsed(data)


def _leniently_parsed(data: bytes) -> Any:
    """What the JSON says; what is not JSON (the page of a proxy, half a body) as its text."""
    try:
        return json.loads(data)  # takes lone surrogates, NaN and numbers out of range
    except ValueError:
        return data.decode("utf-8", "replace")
    except RecursionError:
        return _payload.of_bytes(data, "application/json")


def _described_json(data: bytes, reason: str) -> str:
    return _encode({**_payload.of_bytes(data, "application/json"), "not_stored": reason}).decode()


def _mask_known(text: str, path: str, masks: tuple[Mask, ...]) -> str:
    return "[masked: authorization]" if path and names_a_header(path) else apply_masks(text, masks)


def _text_digest(text: str) -> str:
    """The sha256 of the text's UTF-8, taken in pieces: a second copy of a huge string could be one too many."""
    digest = sha256()
    for start in range(0, len(text), STRING_LIMIT):
        digest.update(text[start : start + STRING_LIMIT].encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _loggable(path: str) -> str:
    return repr(path if len(path) <= 200 else path[:200] + "…")
