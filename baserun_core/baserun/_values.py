"""Snapshots of values, taken on the caller's thread, so that later changes do not matter.

Nothing here runs the caller's code: no ``repr``, ``str``, ``len``, ``iter``, ``==``, ``hash`` or attribute access of
an object that is not a builtin. Containers are walked through the methods of their builtin base, objects through the
C descriptors of their class.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import islice
from types import MemberDescriptorType
from typing import Any

from baserun._atoms import NO_ATOM, Described, RawJSON, atom_of
from baserun._error_text import is_small_scalar
from baserun._reflection import base_classes, class_dict, dict_pairs, has_fields, instance_dict, slot, type_name

DEPTH_LIMIT = 32
"""Nesting of containers; what is deeper is cut. JSON schemas of tools reach about 20."""
BREADTH_LIMIT = 2048
"""Items of one container; 2,048 is the largest batch that an embeddings endpoint takes."""
NODE_LIMIT = 10_000
"""Nodes of one value: the items of all its containers; what is slow to copy counts as several."""
CONTAINER_NODES = 10
"""Nodes that a container counts as, besides its items, so that no value takes long."""
FLAT_NODES = 2
"""Nodes that a short container of plain values counts as, besides its items."""
OBJECT_NODES = 40
"""Nodes that an object other than a plain builtin counts as, besides its fields."""
KEY_LIMIT = 1000
"""Characters of a dict's key that is not a plain str."""

FLAT_LENGTH = 16
"""Items of a dict or list up to which a walk tries the fast path for plain items first."""
OBJECT_BYTES = 64
"""Approximate size of a small object or an empty container in memory."""
NO_FACTS = (None, 0)
"""What `snapshot_facts` returns for an empty dict, for frequent callers that check for one themselves."""


def snapshot(value: object) -> tuple[object, int]:
    """Return a copy of the value as it is now, and about how many bytes that keeps in memory.

    Strings and bytes are kept by reference, containers copied up to the limits above, other objects described.
    """
    cls = type(value)
    if cls is str:
        return value, OBJECT_BYTES + len(value)  # type: ignore[arg-type]
    if value is None or cls is bool or cls is int or cls is float:
        return value, OBJECT_BYTES
    if cls is dict and len(value) <= BREADTH_LIMIT:  # type: ignore[arg-type]
        flat = _flat_dict(value)  # type: ignore[arg-type]
        if flat is not None:
            return flat
    return _walked(value)


def snapshot_facts(facts: object) -> tuple[object, int]:
    """Return a snapshot of metadata or tags, a dict, or None if there are none; and its size, as `snapshot` does.

    What was assigned in place of the dict, or the note that it could not be copied, is put under the key ``value``.
    """
    if type(facts) is dict:
        if not facts:
            return NO_FACTS
        flat = _flat_dict(facts) if len(facts) <= BREADTH_LIMIT else None
        if flat is not None:
            return flat
    elif facts is None:
        return NO_FACTS
    copy, size = _walked(facts)
    return (copy if type(copy) is dict else {"value": copy}), size


def _walked(value: object) -> tuple[object, int]:
    walk = _Walk()
    try:
        copy = walk.copy(value, 0)
    except Exception as error:
        # A dict changed by another thread during the walk, no stack left, or no memory: the caller must not notice.
        copy = Described(f"<not recorded: {type_name(type(error))}>")
    return copy, walk.size


def _flat_dict(value: dict[Any, Any]) -> tuple[object, int] | None:
    """Copy a dict of text to scalars, the common case, in one loop; None if the general walk is needed."""
    copy = value.copy()  # in one step: another thread may be changing it
    size = OBJECT_BYTES * (1 + len(copy))
    for key, item in copy.items():
        cls = type(item)
        if cls is str:
            size += len(item)
        elif cls is not int and cls is not float and cls is not bool and item is not None:
            return None
        if type(key) is not str:
            return None
    return copy, size


def _flat_items(value: Any) -> list[object] | None:
    """Copy a short list of numbers; None if the general walk is needed."""
    for item in value:
        cls = type(item)
        if cls is not int and cls is not float:
            return None
    return list(value)


class _Walk:
    """One walk over one value, with the rest of its budget and the containers that it is inside of."""

    __slots__ = ("inside", "nodes", "size")

    def __init__(self) -> None:
        self.nodes = NODE_LIMIT
        self.size = 0
        self.inside: set[int] = set()

    def copy(self, value: Any, depth: int) -> object:
        cls = type(value)
        if cls is str:
            self.size += OBJECT_BYTES + len(value)
            return value
        self.size += OBJECT_BYTES
        if value is None or cls is int or cls is float or cls is bool:
            return value
        if cls is dict:
            flat = _flat_dict(value) if len(value) <= FLAT_LENGTH else None
            if flat is None:
                return self.container(value, depth, dict, self.pairs)
            self.size += flat[1]
            self.nodes -= FLAT_NODES + len(value)
            return flat[0]
        if cls is list or cls is tuple:
            flat_items = _flat_items(value) if len(value) <= FLAT_LENGTH else None
            if flat_items is None:
                return self.container(value, depth, cls, self.items)
            self.size += OBJECT_BYTES * len(flat_items)
            self.nodes -= FLAT_NODES + len(flat_items)
            return flat_items
        return self.other(value, cls, depth)

    def container(self, value: Any, depth: int, base: Any, copy: Callable[[Any, Any, int], object]) -> object:
        self.nodes -= CONTAINER_NODES
        if depth >= DEPTH_LIMIT:
            return Described(f"[cut: nested deeper than {DEPTH_LIMIT}]")
        identity = id(value)
        if identity in self.inside:
            return Described("[cut: contains itself]")
        self.inside.add(identity)
        try:
            return copy(value, base, depth + 1)
        finally:
            self.inside.discard(identity)

    def items(self, value: Any, base: Any, depth: int) -> object:
        length = base.__len__(value)
        taken, left_out = self.take(base.__iter__(value), length)
        copies: list[object] = []
        text_bytes = 0
        for item in taken:
            cls = type(item)
            if cls is str:
                text_bytes += OBJECT_BYTES + len(item)
                copies.append(item)
            elif cls is float or cls is int:
                copies.append(item)
            elif self.nodes < 0:
                left_out = length - len(copies)
                break
            else:
                copies.append(self.copy(item, depth))
        if left_out:
            copies.append(_cut(left_out))
        self.size += text_bytes + OBJECT_BYTES * len(copies)
        return copies

    def pairs(self, value: Any, base: Any, depth: int) -> object:
        length = base.__len__(value)
        return self.named(self.take(iter(base.items(value)), length)[0], length, depth)

    def named(self, pairs: Iterable[tuple[Any, Any]], length: int, depth: int) -> dict[str, object]:
        copies: dict[str, object] = {}
        is_renamed = False
        text_bytes = 0
        for key, item in pairs:
            if self.nodes < 0:
                break
            if type(key) is str and not is_renamed:
                name = key
            else:
                is_renamed = True
                name = unused_name(key if type(key) is str else key_text(key), copies)
            if type(item) is str:
                text_bytes += OBJECT_BYTES + len(item)
                copies[name] = item
            else:
                copies[name] = self.copy(item, depth)
        if len(copies) < length:
            copies[unused_name("…", copies)] = _cut(length - len(copies))
        self.size += text_bytes + OBJECT_BYTES * len(copies)
        return copies

    def take(self, iterator: Iterator[Any], length: int) -> tuple[list[Any], int]:
        """Take as many items as the budget allows, in one step of C code; return them and the number left out."""
        room = max(0, min(length, BREADTH_LIMIT, self.nodes))
        self.nodes -= room
        if room == length:
            return list(iterator), 0
        return list(islice(iterator, room)), length - room

    def other(self, value: Any, cls: type, depth: int) -> object:
        self.nodes -= OBJECT_NODES
        atom = atom_of(value, cls)
        if atom is not NO_ATOM:
            return self.held(atom, value)
        for base in (list, tuple, set, frozenset, deque):
            if issubclass(cls, base):
                return self.container(value, depth, base, self.items)
        if issubclass(cls, dict):
            return self.container(value, depth, dict, self.pairs)
        if issubclass(cls, Enum):
            return self.container(value, depth, cls, self.enum_member)
        if has_fields(cls):
            return self.container(value, depth, cls, self.fields)
        return Described(f"<{type_name(cls)}>")

    def held(self, atom: Any, value: object) -> object:
        """Count the size of the atom and return it; one that had to be copied also uses up the walk's budget."""
        cls = type(atom)
        length = len(atom.data) if cls is RawJSON else len(atom) if cls is str or cls is bytes else 0
        self.size += length
        if atom is not value:
            self.nodes -= length >> 8
        return atom

    def enum_member(self, value: Any, cls: type, depth: int) -> object:
        return self.copy(instance_dict(value, cls).get("_value_"), depth)

    def fields(self, value: Any, cls: type, depth: int) -> object:
        """Copy the fields of a dataclass, attrs class, msgspec struct or pydantic model."""
        pairs = list(dict.items(instance_dict(value, cls)))
        for owner in reversed(base_classes(cls)):
            for name, member in class_dict(owner).items():
                if type(member) is MemberDescriptorType and not str.startswith(name, "__"):
                    pairs += slot(member, name, value)
                elif name == "__pydantic_extra__" and type(member) is MemberDescriptorType:
                    pairs += [pair for _, extra in slot(member, name, value) for pair in dict_pairs(extra)]
        return self.named(self.take(iter(pairs), len(pairs))[0], len(pairs), depth)


def key_text(key: object) -> str:
    """Return the JSON name for a dict's key that is not a plain str."""
    cls = type(key)
    if key is None:
        return "null"
    if cls is bool:
        return "true" if key else "false"
    if cls is float:
        return repr(key)
    if cls is tuple:
        parts: tuple[object, ...] = key  # type: ignore[assignment]
        return ", ".join([key_text(part) if type(part) is not tuple else "<tuple>" for part in parts[:10]])
    atom = atom_of(key, cls)
    if type(atom) is int:
        return str(atom) if is_small_scalar(atom) else f"<int of {int.bit_length(atom):,} bits>"
    if atom is NO_ATOM or type(atom) is bytes or type(atom) is RawJSON:
        return f"<{type_name(cls)}>"
    return atom.text if type(atom) is Described else str(atom)[:KEY_LIMIT]


def unused_name(name: str, taken: dict[str, object]) -> str:
    """Return the name, with a number appended if it is taken: different keys can have the same text."""
    if name not in taken:
        return name
    # The number of keys is a good first guess: counting up from 2 would take quadratic time for many equal names.
    number = 2 if f"{name} (2)" not in taken else len(taken) + 1
    while f"{name} ({number})" in taken:
        number += 1
    return f"{name} ({number})"


def _cut(count: int) -> Described:
    return Described(f"[cut: {count:,} more]")
