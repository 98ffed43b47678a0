"""What lives and changes while the application runs: made as quickly as a value, and none."""

from __future__ import annotations

from typing import Any, Self

import msgspec


class Live(msgspec.Struct, eq=False, weakref=True):
    """Compares by identity, and is shown by its own ``repr``, not by what it holds: to look may be to touch."""

    def __copy__(self) -> Self:
        """Itself, as for a lock or a module: a second one would neither be current nor be ended with the first."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @property
    def __rich_repr__(self) -> Any:
        raise AttributeError("it is shown by its repr")
