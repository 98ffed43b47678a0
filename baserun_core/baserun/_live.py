"""What lives and changes while the application runs: made as quickly as a value, and none."""

from __future__ import annotations

from typing import Any

import msgspec


class Live(msgspec.Struct, eq=False, weakref=True):
    """Compares by identity, and is shown by its own ``repr``, not by what it holds: to look may be to touch."""

    @property
    def __rich_repr__(self) -> Any:
        raise AttributeError("it is shown by its repr")
