"""The type and message of an exception, read without running its code where that can be avoided."""

from __future__ import annotations

from types import MemberDescriptorType
from typing import Any

from baserun._reflection import base_classes, class_dict, is_builtin, qualified_name, slot, type_name

MESSAGE_LIMIT = 16_384
"""Characters of an error's message that are captured; fewer are stored, so that they do not end in half a secret."""

_ARGS: Any = BaseException.__dict__["args"]
_ATTRIBUTES: Any = BaseException.__dict__["__dict__"]
_WITHHELD = "_is_withheld_by_baserun"


def withhold(error: BaseException) -> None:
    """Keep the message of `error` from being recorded, because it leaves a block whose content is not recorded."""
    BaseException.__setattr__(error, _WITHHELD, True)  # past the methods of its class


def describe_error(error: BaseException) -> tuple[str, str | None]:
    """Return the name of the error's type, and its message (None if it is empty or withheld).

    The message of a builtin error is its usual one if all parts are plain values; otherwise it is composed from the
    arguments. A ``__str__`` of the error's own class is called; if it raises, the message is composed too.
    """
    cls = type(error)
    name = qualified_name(cls)
    if _WITHHELD in _ATTRIBUTES.__get__(error):
        return name, None
    try:
        message = _error_message(error, cls)
    except Exception:
        message = composed_message(error)
    return name, message[:MESSAGE_LIMIT] or None


def _error_message(error: BaseException, cls: type) -> str:
    owner = next(owner for owner in base_classes(cls) if "__str__" in class_dict(owner))
    if not is_builtin(owner):
        text = str(error)
        return text if type(text) is str else str.__str__(text)
    if not _is_plain_error(error, owner):
        return composed_message(error)
    text = class_dict(owner)["__str__"](error)
    return text if type(text) is str else str.__str__(text)


def _is_plain_error(error: BaseException, owner: type) -> bool:
    """Whether everything that a builtin ``__str__`` would format is a builtin scalar of modest size."""
    parts = list(_error_args(error))
    for name, member in class_dict(owner).items():
        if type(member) is MemberDescriptorType:
            parts += [part for _, part in slot(member, name, error)]
    return all(is_small_scalar(part) for part in parts)


def is_small_scalar(value: Any) -> bool:
    """Whether formatting the value takes no time and runs no code of the caller."""
    cls = type(value)
    if cls is str or cls is bytes:
        return len(value) <= MESSAGE_LIMIT
    if cls is int:
        return int.bit_length(value) <= 1024
    return value is None or cls is bool or cls is float


def composed_message(error: BaseException) -> str:
    """Compose a message from the arguments of an error; of those that are not plain it has only the type."""
    return ", ".join([_argument_text(argument) for argument in _error_args(error)[:20]])


def _argument_text(argument: Any) -> str:
    cls = type(argument)
    if issubclass(cls, str):
        return str.__getitem__(argument, slice(None, MESSAGE_LIMIT))
    if cls is bytes or not is_small_scalar(argument):
        return f"<{type_name(cls)}>"
    return str(argument)


def _error_args(error: BaseException) -> tuple[Any, ...]:
    args = _ARGS.__get__(error)
    return args if type(args) is tuple else ()
