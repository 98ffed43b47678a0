"""JSON as it came over the wire: taken apart only as far as somebody must look inside."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from baserun.instrumentation import RawJSON

Fields = dict[str, Any]
"""The members of a JSON object: builtins; those of an answer still encoded (`msgspec.Raw`) after `split_object`."""

MOST_COUNTED = 10**12
"""No call takes more tokens than this; a store could not add them up."""

_MOST_DIGITS = 20
_ENCODED = (bytes, bytearray, msgspec.Raw)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_parts = msgspec.json.Decoder(list[msgspec.Raw])


def split_object(body: bytes) -> Fields:
    """The members of the object that `body` is, left encoded; of anything else, none."""
    try:
        return dict(_fields.decode(body))
    except (msgspec.MsgspecError, ValueError):
        return object_of(decode_or_text(body))


def split_array(value: Any) -> list[Any] | None:
    """The elements of an array, left encoded; None if it is something else."""
    if isinstance(value, list):
        return value
    try:
        return list(_parts.decode(value)) if isinstance(value, msgspec.Raw) else None
    except (msgspec.MsgspecError, ValueError):
        return None


def decode(body: Any) -> Any:
    """The value of encoded JSON, a builtin being one already.

    That of what other encoders write too: NaN, a byte order mark, broken UTF-8.

    Raises:
        ValueError: It is not JSON.
    """
    if not isinstance(body, _ENCODED):
        return body
    with suppress(msgspec.MsgspecError, ValueError):
        return msgspec.json.decode(body)
    with suppress(ValueError):
        return json.loads(bytes(body))  # knows a byte order mark, and UTF-16, as the client's HTTP library does
    return json.loads(bytes(body).decode("utf-8", "replace"))


def decode_or_text(body: bytes) -> Any:
    """The value of encoded JSON; or the text, where it is none."""
    try:
        return decode(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def recorded(value: Any) -> Any:
    """A member as a record may hold it: what is encoded already stays so."""
    return RawJSON(bytes(value)) if isinstance(value, msgspec.Raw) else value


def pick(fields: Fields, names: Iterable[str]) -> Any:
    """Those of the members that are there, as one object; None if there are none."""
    return {name: fields[name] for name in names if name in fields} or None


def text_of(value: Any) -> str | None:
    """A member that should be text; None if it is anything else, or empty."""
    return value if isinstance(value, str) and value else None


def count_of(value: Any) -> int | None:
    """A number that should be a count, or its digits; None if it is anything else."""
    if type(value) is int and 0 <= value < MOST_COUNTED:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:_MOST_DIGITS])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < MOST_COUNTED and value == value // 1 else None


def label_of(value: Any) -> str | None:
    """A builtin that should be an id, a name or a reason: text, or a number as text; None if it is anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def labels_of(values: Iterable[Any]) -> list[str] | None:
    """Those of the values that can be labels; None if there are none."""
    return [label for value in values if (label := label_of(value))] or None


def object_of(value: Any) -> dict[str, Any]:
    """A builtin that should be an object; empty if it is anything else."""
    return value if isinstance(value, dict) else {}


def objects_of(value: Any) -> list[dict[str, Any]]:
    """The objects in a builtin that should be an array of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
