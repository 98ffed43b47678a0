"""Reading the type and the fields of an object without running its code.

Reads only through the C descriptors of `type` and of the object's own classes, so no override in its class or metaclass
has an effect.
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
    """Return ``module.Type``, for builtins only ``Type``, whatever the class or its metaclass overrides."""
    name = qualified_name(cls)
    module = type_module(cls)
    if type(module) is not str or module == "builtins":
        return name
    return f"{module[:NAME_LIMIT]}.{name}"


def qualified_name(cls: type) -> str:
    """Return the qualified name of the class, cut; a plain str even if a str of a subclass was assigned."""
    return str.__getitem__(_assigned_name(cls), slice(None, NAME_LIMIT))


def is_builtin(cls: type) -> bool:
    """Whether the class is a builtin of Python, written in C."""
    return not _flags(cls) & _HEAP_TYPE and type_module(cls) == "builtins"


def has_fields(cls: type) -> bool:
    """Whether the class is a dataclass, attrs class, pydantic model or msgspec struct; not for `Live` objects."""
    if issubclass(cls, Live):
        return False
    struct = getattr(sys.modules.get("msgspec"), "Struct", None)
    if struct is not None and issubclass(cls, struct):
        return True
    return any(not _FIELD_MARKS.isdisjoint(class_dict(owner)) for owner in base_classes(cls))


_FIELD_MARKS = frozenset({"__dataclass_fields__", "__attrs_attrs__", "__pydantic_extra__", "__fields_set__"})


def instance_dict(value: object, cls: type) -> dict[Any, Any]:
    """Return the object's own ``__dict__``; empty if there is none or its class overrides it."""
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
"""CPython's ``Py_TPFLAGS_HEAPTYPE``: the class was made at run time."""
class_dict: Callable[[type], Any] = type.__dict__["__dict__"].__get__
base_classes: Callable[[type], tuple[type, ...]] = type.__dict__["__mro__"].__get__
_assigned_name: Callable[[type], str] = type.__dict__["__qualname__"].__get__
type_module: Callable[[type], Any] = type.__dict__["__module__"].__get__
_flags: Callable[[type], int] = type.__dict__["__flags__"].__get__
