"""Blocks in which a frame is current, or none."""

from __future__ import annotations

from types import TracebackType

from baserun._context import replace
from baserun._frame import Frame


class Entered:
    """A block in which a frame is current; what was before is put back in the same context, by value."""

    __slots__ = ("_frame", "_previous")

    def __init__(self, frame: Frame | None) -> None:
        self._frame = frame

    def __enter__(self) -> None:
        self._previous = replace(self._frame)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        replace(self._previous)


def untouched() -> Entered:
    """A block in which nothing is current, for requests that are left alone."""
    return Entered(None)
