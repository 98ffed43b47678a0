"""Blocks in which nothing, or no content, is recorded."""

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
        content_only: Record structure, tokens, cost and latency, but no content.

    Raises:
        ConfigurationError: `content_only` is not a bool.
    """
    return SuppressScope(content_only=check_bool(content_only, "content_only"))


class SuppressScope(Scope[None]):
    """The block or decorator that `suppress` returns."""

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
