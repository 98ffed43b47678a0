"""The base of live, mutable objects: as cheap to make as a value, but compared by identity."""

from __future__ import annotations

from typing import Any, Self

import msgspec


class Live(msgspec.Struct, eq=False, weakref=True):
    """Compares by identity, and is shown by its ``repr`` alone: reading attributes may touch a session."""

    def __copy__(self) -> Self:
        """Return itself, like a lock or module: a copy would be neither current nor ended with the original."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @property
    def __rich_repr__(self) -> Any:
        raise AttributeError("it is shown by its repr")
