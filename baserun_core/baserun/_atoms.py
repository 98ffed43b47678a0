"""Atoms, which are values that contain no others, and how each is kept: itself, as its builtin base, or described."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any

from baserun._error_text import MESSAGE_LIMIT, composed_message
from baserun._reflection import NAME_LIMIT, class_dict, type_name

COPIED_BYTES_LIMIT = 65_536
"""Bytes; a bytearray up to this size is copied, a larger one described."""
SUBCLASS_TEXT_LIMIT = 1_048_576
"""Characters; a string of a subclass of str has to be copied, and is cut here."""


class Described:
    """A text in place of a value that is not recorded: the type of an object, or a note of what was cut."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return type(other) is Described and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Described({self.text!r})"


class RawJSON:
    """JSON as received, not decoded yet."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def _plain_text(value: str) -> str:
    length = str.__len__(value)
    if length <= SUBCLASS_TEXT_LIMIT:
        return str.__str__(value)
    return str.__getitem__(value, slice(None, SUBCLASS_TEXT_LIMIT)) + f"[cut: {length:,} characters]"


def _plain_bytes(value: bytes) -> object:
    if type(value) is bytes:
        return value
    length = bytes.__len__(value)
    if length <= COPIED_BYTES_LIMIT:
        return bytes.__getitem__(value, slice(None))
    return Described(f"<{type_name(type(value))} of {length:,} bytes>")


def _plain_bytearray(value: bytearray) -> object:
    length = bytearray.__len__(value)
    if length <= COPIED_BYTES_LIMIT:
        return bytes(bytearray.__getitem__(value, slice(None)))
    return Described(f"<{type_name(type(value))} of {length:,} bytes>")


def _class_reference(value: type) -> Described:
    return Described(f"<class {type_name(value)}>")


def _function_reference(value: FunctionType) -> Described:
    return Described(f"<function {str.__getitem__(value.__qualname__, slice(None, NAME_LIMIT))}>")


def _raised_error(error: BaseException) -> str:
    # A str and no `Described`, which would not be redacted: errors quote values.
    message = composed_message(error)[:MESSAGE_LIMIT]
    return f"<{type_name(type(error))}: {message}>" if message else f"<{type_name(type(error))}>"


def _itself(value: object) -> object:
    return value


_ATOMS: tuple[tuple[type, Callable[[Any], object]], ...] = (
    (str, _plain_text),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, _plain_bytes),
    (bytearray, _plain_bytearray),
    (memoryview, lambda value: Described(f"<memoryview of {value.nbytes:,} bytes>")),
    (Described, _itself),
    (RawJSON, _itself),
    (BaseException, _raised_error),
    (type, _class_reference),
    (FunctionType, _function_reference),
)
"""Builtin types of atoms, subclasses included, and how each is kept."""


def _moment(value: Any, cls: type, base: Any) -> object:
    """Keep a date, time, datetime or timedelta; one with a foreign time zone as text, as its offset is foreign code."""
    parts = [getattr(base, name).__get__(value) for name in _MOMENT_PARTS[base]]
    if "tzinfo" not in class_dict(base):
        return value if cls is base else base(*parts)
    zone = base.tzinfo.__get__(value)
    if zone is None or type_name(type(zone)) in _KNOWN_ZONES:
        return value if cls is base else base(*parts, tzinfo=zone, fold=base.fold.__get__(value))
    return Described(f"{base(*parts).isoformat()} <{type_name(type(zone))}>")


def _uuid(value: Any, cls: type, base: Any) -> object:
    number = base.int.__get__(value)
    if type(number) is not int:
        return Described(f"<{type_name(cls)}>")
    return value if cls is base else base(int=number)


def _decimal(value: Any, cls: type, base: Any) -> object:
    return value if cls is base else base.__str__(value)


def _path(value: Any, cls: type, base: Any) -> object:
    module = sys.modules["pathlib"]
    if any(cls is getattr(module, name, None) for name in _PATH_NAMES):
        return str(value)
    return Described(f"<{type_name(cls)}>")


def _msgspec_raw(value: Any, cls: type, base: Any) -> object:
    return RawJSON(bytes(memoryview(value))) if cls is base else Described(f"<{type_name(cls)}>")


_KNOWN_ZONES = ("datetime.timezone", "zoneinfo.ZoneInfo")
_PATH_NAMES = ("PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath", "Path", "PurePath")
_MOMENT_PARTS = {
    datetime.datetime: ("year", "month", "day", "hour", "minute", "second", "microsecond"),
    datetime.date: ("year", "month", "day"),
    datetime.time: ("hour", "minute", "second", "microsecond"),
    datetime.timedelta: ("days", "seconds", "microseconds"),
}
_LATE_TYPES: tuple[tuple[str, str, Callable[[Any, type, Any], object]], ...] = (
    ("uuid", "UUID", _uuid),
    ("decimal", "Decimal", _decimal),
    ("pathlib", "PurePath", _path),
    ("msgspec", "Raw", _msgspec_raw),
)
"""Types from modules that are not imported here: before they are loaded no such value can exist."""

NO_ATOM = object()


def atom_of(value: Any, cls: type) -> Any:
    """Return what is kept of an atom; `NO_ATOM` for a value of any other type than those above."""
    for base, copy in _ATOMS:
        if issubclass(cls, base):
            return copy(value)
    for moment in _MOMENT_PARTS:
        if issubclass(cls, moment):
            return _moment(value, cls, moment)
    for module_name, name, late_copy in _LATE_TYPES:
        late = getattr(sys.modules.get(module_name), name, None)
        if late is not None and issubclass(cls, late):
            return late_copy(value, cls, late)
    return NO_ATOM
