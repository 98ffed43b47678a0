"""Which session, trace and span are current.

One context variable holds the innermost *frame* of a parent chain. Leaving a block marks its frame closed, and looking
up the current frame skips closed ones. So a block can be left by return, exception or cancellation, out of order, or in
another context than it was entered in. No `contextvars.Token` is used: resetting one in another context raises.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakSet

from baserun._frame import Frame

if TYPE_CHECKING:
    from baserun._model import Session, Span, Trace


class LastingFrame(Frame):
    """A frame that outlives the blocks it was begun in: only those still open mute it."""

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def muted(self) -> bool:  # type: ignore[override]
        around = self._around
        return around is not None and around.muted

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def contentless(self) -> bool:  # type: ignore[override]
        around = self._around
        return around is not None and around.contentless

    @property
    def _around(self) -> Frame | None:
        frame = self.parent
        while frame is not None and (frame.closed or isinstance(frame, LastingFrame)):
            frame = frame.parent
        return frame


class FollowingFrame(LastingFrame, kw_only=True):
    """The frame of a session that replaced another one in a task, until the replaced session's block is left."""

    block: Frame
    _is_left: bool = False

    @property  # type: ignore[misc]  # in the base class a plain attribute, for speed
    def closed(self) -> bool:
        return self._is_left or self.block.closed

    @closed.setter
    def closed(self, value: bool) -> None:
        self._is_left = value


_innermost: ContextVar[Frame | None] = ContextVar("baserun_frame", default=None)


def current() -> Frame | None:
    """Return the innermost frame that is still open."""
    frame = _innermost.get()
    if frame is None or not frame.closed:
        return frame
    while frame is not None and frame.closed:
        frame = frame.parent
    _innermost.set(frame)  # so that a long-lived context does not keep every frame it has left
    return frame


def enter(frame: Frame) -> None:
    """Make `frame` the current one of this context."""
    _innermost.set(frame)


def leave(frame: Frame) -> None:
    """Close `frame`, from any context; wherever it was current, its parent is now."""
    frame.closed = True
    current()


def follow(session: Session, linked: Session) -> Frame | None:
    """Replace `session` by `linked`, in this context and in tasks begun from it from now on.

    Other tasks that are in `session` stay there: they may be serving another user.

    Returns:
        The frame of the block that `session` belongs to; None if it is not current.
    """
    place, inner = _innermost_of(session)
    block = _block_of(session)
    if place is None or block is None:
        return None
    if isinstance(place, FollowingFrame) and place.parent is not None:
        place = place.parent  # replaced in turn: many changes of user must not form an endless chain
    following = FollowingFrame(place, linked, None, None, block=block)
    if inner is None:
        enter(following)
    else:  # blocks of other sessions are open inside; after them the linked session is current
        inner.parent = following
    if block.linked is None:
        block.linked = WeakSet()
    block.linked.add(linked)
    return block


def _innermost_of(session: Session) -> tuple[Frame | None, Frame | None]:
    """Return the innermost open frame of `session`, and the frame inside it; None for each that there is not."""
    inner, place = None, current()
    while place is not None and (place.closed or place.session is not session):
        inner, place = place, place.parent
    return place, inner


def _block_of(session: Session) -> Frame | None:
    """Return the frame of the outermost block of `session`; None if it is not current."""
    block, frame = None, current()
    while frame is not None:
        if frame.session is session:
            block = frame.block if isinstance(frame, FollowingFrame) else frame
        frame = frame.parent
    return block


def replace(frame: Frame | None) -> Frame | None:
    """Make `frame` current, and return the previous frame, to be put back in this same context."""
    previous = _innermost.get()
    _innermost.set(frame)
    return previous


def lasting(parent: Frame | None, session: Session) -> Frame:
    """Make a frame of `session` alone, which stays open when the block that it is begun in is left."""
    frame = child(parent, session=session, trace=None, span=None)
    if frame.muted or frame.contentless:
        return LastingFrame(frame.parent, session, None, None)
    return frame


def child(
    parent: Frame | None,
    *,
    session: Session | None,
    trace: Trace | None,
    span: Span | None,
) -> Frame:
    """Make a frame inside `parent` that inherits its suppression."""
    if parent is None:
        return Frame(None, session, trace, span)
    while parent.parent is not None and parent.parent.closed:
        parent.parent = parent.parent.parent  # blocks that replace one another must not form an endless chain
    return Frame(parent, session, trace, span, parent.muted, parent.contentless)
