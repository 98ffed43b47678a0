"""Encoding content as it is stored: as JSON that every store and reader accepts, redacted and bounded.

Runs on the writer's thread. The input is a snapshot (`baserun._values`) or JSON as received; the output is always valid
JSON and valid UTF-8. What changes: secrets are masked; files are described, not stored; long strings and deep nesting
are cut, with the cut marked; NaN, infinities and integers beyond 64 bits become strings; lone surrogates and NUL become
U+FFFD.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec

from baserun import _payload
from baserun._atoms import Described, RawJSON
from baserun._cleaner import FIELD_LIMIT, STRING_LIMIT, Cleaner, clean_text, decode_json, leniently_parsed
from baserun._guard import say
from baserun._plain import is_plain, is_plain_json, is_plain_text
from baserun._redact import (
    LONGEST_SECRET,
    REDACTION_FAILED,
    Mask,
    Redact,
    apply_masks,
    contains,
    mask_secrets,
    masks_for,
    names_a_header,
)
from baserun._reflection import type_name

__all__ = ["FIELD_LIMIT", "STRING_LIMIT", "ContentEncoder", "RawJSON", "clean_text"]

RAW_LIMIT = 64 * 1_048_576
"""Bytes of JSON that are parsed; a larger text is only described."""
PREVIEW_MARGIN = 16_384
"""Characters after a preview's end that are searched for secrets too, so that none is left half at its end."""


class ContentEncoder:
    """Encodes captured values for the store.

    Args:
        redact: Takes each string and its path, and returns the text to store; None stores strings unchanged. Of a
            string beyond the limit it gets only the beginning. If it fails, the string is replaced by
            ``[masked: redaction failed]``; each kind of failure is logged once.
    """

    def __init__(self, redact: Redact | None) -> None:
        self._redact = redact
        self._logged: set[str] = set()

    def json(self, value: object, field: str, limit: int = STRING_LIMIT) -> str | None:
        """Encode the value as JSON text; None for None. Never raises.

        Args:
            value: A snapshot, or JSON as received (`RawJSON`, `msgspec.Raw`).
            field: The name of the value, with which the paths given to the redact function begin.
            limit: Characters of one string; longer ones are cut.
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
        """Redact and clean the string, and cut it to ``limit`` characters; None for None. Never raises."""
        if value is None:
            return None
        try:
            if isinstance(value, str):  # of a subclass too: a StrEnum member, a template's SafeString
                return self._plain_text(str.__str__(value), field, limit)
            return value.text if type(value) is Described else self.json(value, field, limit or STRING_LIMIT)
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
        # Most texts are names and ids that need no change; checking that is cheaper than cleaning them.
        if is_plain_text(text) and (
            self._redact is None or (self._redact is mask_secrets and not masks_for(text) and not names_a_header(field))
        ):
            return text
        return self._cleaner(STRING_LIMIT, None).text(text, field)

    def _value(self, value: object, field: str, limit: int) -> str:
        if (self._redact is None or self._redact is mask_secrets) and is_plain(value, limit):
            try:
                text = _encode(value).decode()
            except UnicodeEncodeError:  # lone surrogates
                text = ""
            if text and len(text) <= FIELD_LIMIT and is_plain_json(text):
                masks = masks_for(text) if self._redact is not None else ()
                return self._cleaned(value, field, limit, masks) if masks else text
        return self._cleaned(value, field, limit, None)

    def _wire(self, data: bytes, field: str, limit: int) -> str:
        if len(data) > RAW_LIMIT:
            return _described_json(data, "too large")
        try:
            # Decoded in full, as readers will: a check that skips over values would accept numbers out of range.
            value = decode_json(data)
        except RecursionError:
            return _described_json(data, "nested too deeply")
        except (ValueError, msgspec.MsgspecError):
            return self._cleaned(leniently_parsed(data), field, limit, None)
        masks: tuple[Mask, ...] | None = None
        if self._redact is None or self._redact is mask_secrets:
            text = data.decode()
            masks = self._masks(text)
            if masks == () and len(text) <= limit and is_plain_json(text) and is_plain(value, limit):
                return text
        return self._cleaned(value, field, limit, masks)

    def _masks(self, text: str) -> tuple[Mask, ...] | None:
        """Return the masks that this JSON needs; None if escapes may hide secrets or files."""
        if contains(text, "\\", _payload.ASCII_ESCAPE):
            return None
        return () if self._redact is None else masks_for(text)

    def _cleaned(self, value: object, field: str, limit: int, masks: tuple[Mask, ...] | None) -> str:
        return _encode(self._cleaner(limit, masks).clean(value, field, "", 0)).decode()

    def _cleaner(self, limit: int, masks: tuple[Mask, ...] | None) -> Cleaner:
        """Make a cleaner for one field; `masks` are all that the field needs, None if that is not known."""
        if self._redact is None:
            return Cleaner(limit, lambda text, path: text, masks_keys=False)
        if self._redact is not mask_secrets:
            return Cleaner(limit, self._guarded, masks_keys=False)
        if masks is None:
            return Cleaner(limit, mask_secrets, masks_keys=True)
        known = masks
        return Cleaner(limit, lambda text, path: _mask_known(text, path, known), masks_keys=True)

    def _guarded(self, text: str, path: str) -> str:
        """Apply the application's redact function; where that fails, return a label instead of the text."""
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
            say("warning", "%s %s; the same is not logged again", _loggable(path), what)


_encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


def _described_json(data: bytes, reason: str) -> str:
    return _encode({**_payload.of_bytes(data, "application/json"), "not_stored": reason}).decode()


def _mask_known(text: str, path: str, masks: tuple[Mask, ...]) -> str:
    return "[masked: authorization]" if names_a_header(path) else apply_masks(text, masks)


def _loggable(path: str) -> str:
    return repr(path if len(path) <= 200 else path[:200] + "…")
