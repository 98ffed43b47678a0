"""JSON as received, decoded only as far as needed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from baserun.instrumentation import RawJSON

Fields = dict[str, Any]
"""The members of a JSON object: builtins, or as `split_object` returns them still encoded (`msgspec.Raw`)."""

MOST_COUNTED = 10**12
"""No call takes more tokens than this, and a store could not sum larger numbers."""

_MOST_DIGITS = 20
_ENCODED = (bytes, bytearray, msgspec.Raw)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_parts = msgspec.json.Decoder(list[msgspec.Raw])


def split_object(body: bytes) -> Fields:
    """Return the members of a JSON object, still encoded where msgspec can read it; {} for anything else."""
    try:
        return dict(_fields.decode(body))
    except (msgspec.MsgspecError, ValueError):
        return object_of(decode_or_text(body))


def split_array(value: Any) -> list[Any] | None:
    """Return the elements of a JSON array, still encoded; those of a list as they are; None for anything else."""
    if isinstance(value, list):
        return value
    try:
        return list(_parts.decode(value)) if isinstance(value, msgspec.Raw) else None
    except (msgspec.MsgspecError, ValueError):
        return None


def decode(body: Any) -> Any:
    """Decode JSON; return a builtin as it is.

    Accepts what other encoders write as well: NaN, a byte order mark, broken UTF-8.

    Raises:
        ValueError: It is not JSON.
    """
    if not isinstance(body, _ENCODED):
        return body
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        return _leniently_decoded(bytes(body))


def _leniently_decoded(body: bytes) -> Any:
    with suppress(ValueError):
        return json.loads(body)  # accepts a byte order mark and UTF-16, as the client's HTTP library does
    return json.loads(body.decode("utf-8", "replace"))


def decode_or_text(body: bytes) -> Any:
    """Decode JSON; return anything else as text."""
    try:
        return decode(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def recorded(value: Any) -> Any:
    """Return a member as a record may contain it; one that is encoded stays so."""
    return RawJSON(bytes(value)) if isinstance(value, msgspec.Raw) else value


def pick(fields: Fields, names: Iterable[str]) -> Any:
    """Return the members with these names, as one object; None if there are none."""
    return {name: fields[name] for name in names if name in fields} or None


def text_of(value: Any) -> str | None:
    """Return `value` if it is a non-empty str; None otherwise."""
    return value if isinstance(value, str) and value else None


def count_of(value: Any) -> int | None:
    """Return a count, given as a whole number or its digits, as an int; None if it is neither."""
    if type(value) is int and 0 <= value < MOST_COUNTED:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:_MOST_DIGITS])
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < MOST_COUNTED and value == value // 1 else None


def label_of(value: Any) -> str | None:
    """Return an id, a name or a reason: a non-empty str, or a number as text; None if it is neither."""
    if value is None or isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def labels_of(values: Iterable[Any]) -> list[str] | None:
    """Return `label_of` each value that has one; None if there are none."""
    return [label for value in values if (label := label_of(value))] or None


def object_of(value: Any) -> dict[str, Any]:
    """Return `value` if it is a dict; an empty one otherwise."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """Return the dicts in a list; an empty list for any other value."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
