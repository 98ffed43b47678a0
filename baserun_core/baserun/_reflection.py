"""What an object is and holds, read past everything that its class or metaclass pretends.

Reads only through the C descriptors of `type` and of the object's own classes: no code of the object runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import GetSetDescriptorType, MemberDescriptorType
from typing import Any

from baserun._live import Live

NAME_LIMIT = 200
"""Characters of the name of a type."""


def type_name(cls: type) -> str:
    """``module.Type``, without the module for builtins, whatever the class or its metaclass pretends."""
    name = qualified_name(cls)
    module = type_module(cls)
    if type(module) is not str or module == "builtins":
        return name
    return f"{module[:NAME_LIMIT]}.{name}"


def qualified_name(cls: type) -> str:
    """The name of the class, cut; as a plain str even where somebody assigned something cleverer."""
    return str.__getitem__(_assigned_name(cls), slice(None, NAME_LIMIT))


def is_builtin(cls: type) -> bool:
    """Whether the class is one of Python's own, written in C."""
    return not _flags(cls) & _HEAP_TYPE and type_module(cls) == "builtins"


def has_fields(cls: type) -> bool:
    """Whether the class is a dataclass, attrs class, pydantic model or msgspec struct, of values."""
    if issubclass(cls, Live):
        return False
    struct = getattr(sys.modules.get("msgspec"), "Struct", None)
    if struct is not None and issubclass(cls, struct):
        return True
    return any(not _FIELD_MARKS.isdisjoint(class_dict(owner)) for owner in base_classes(cls))


_FIELD_MARKS = frozenset({"__dataclass_fields__", "__attrs_attrs__", "__pydantic_extra__", "__fields_set__"})


def instance_dict(value: object, cls: type) -> dict[Any, Any]:
    """The object's own attributes, however its class hides or fakes ``__dict__``."""
    for owner in base_classes(cls):
        descriptor = class_dict(owner).get("__dict__")
        if type(descriptor) is GetSetDescriptorType:
            attributes = descriptor.__get__(value)
            return attributes if issubclass(type(attributes), dict) else {}
        if descriptor is not None:
            return {}
    return {}


def slot(member: MemberDescriptorType, name: str, value: object) -> list[tuple[str, Any]]:
    try:
        return [(name, member.__get__(value))]
    except AttributeError:  # never assigned
        return []


def dict_pairs(value: Any) -> list[tuple[Any, Any]]:
    return list(dict.items(value)) if issubclass(type(value), dict) else []


_HEAP_TYPE = 1 << 9
"""Flag of a class that was made at run time, by Python code."""
class_dict: Callable[[type], Any] = type.__dict__["__dict__"].__get__
base_classes: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_assigned_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__
type_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
