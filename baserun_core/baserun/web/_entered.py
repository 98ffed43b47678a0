"""Blocks that make a frame current, or none."""

from __future__ import annotations

from types import TracebackType

from baserun._context import replace
from baserun._frame import Frame


class Entered:
    """A block in which a frame is current. Leaving it restores the previous frame in the same context."""

    __slots__ = ("_frame", "_previous")

    def __init__(self, frame: Frame | None) -> None:
        self._frame = frame

    def __enter__(self) -> None:
        self._previous = replace(self._frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        replace(self._previous)


def untouched() -> Entered:
    """Return a block in which nothing is current: an excluded request inside another one is in no session either."""
    return Entered(None)
