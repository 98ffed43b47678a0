"""Blocks in which less is recorded, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baserun._arguments import check_bool
from baserun._context import child, current
from baserun._frame import Frame
from baserun._scope import Scope


def suppress(*, content_only: bool = False) -> SuppressScope:
    """Record nothing in this block: as ``with``, ``async with``, or decorator.

    Args:
        content_only: Record what happens, with tokens, cost and latency, but nothing of what is said.
    """
    return SuppressScope(content_only=check_bool(content_only, "content_only"))


class SuppressScope(Scope[None]):
    """What `suppress` gives."""

    def __init__(self, *, content_only: bool) -> None:
        self._content_only = content_only

    def __repr__(self) -> str:
        return "suppress()"

    def _again(self, function: Callable[..., Any]) -> SuppressScope:
        return SuppressScope(content_only=self._content_only)

    def _open(self) -> tuple[None, Frame]:
        outer = current()
        if outer is None:
            frame = Frame(None, None, None, None)
        else:
            frame = child(outer, session=outer.session, trace=outer.trace, span=outer.span)
        frame.contentless = True
        frame.muted = frame.muted or not self._content_only
        return None, frame
