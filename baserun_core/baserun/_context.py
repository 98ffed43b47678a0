"""Which session, trace and span are current.

One context variable holds the innermost *frame* of a parent chain. Leaving a block marks its frame closed, and whoever
looks up the current frame skips closed ones. So a block may be left by return, exception, cancellation, out of order or
in another context than it was entered in, and no token of a foreign context is ever reset (that raises `ValueError`).
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baserun._model import Session, Span, Trace


class Frame:
    """What is current inside one block. Frames compare by identity: asgiref compares context values on every hop."""

    __slots__ = ("closed", "contentless", "muted", "parent", "session", "span", "trace")

    def __init__(
        self,
        parent: Frame | None,
        session: Session | None,
        trace: Trace | None,
        span: Span | None,
        muted: bool = False,
        contentless: bool = False,
    ) -> None:
        self.parent = parent
        self.session = session
        self.trace = trace
        self.span = span
        self.muted = muted
        """Nothing is recorded."""
        self.contentless = contentless
        """What was said is not recorded; that it was said is."""
        self.closed = False


_innermost: ContextVar[Frame | None] = ContextVar("baserun_frame", default=None)


def current() -> Frame | None:
    """The innermost frame that is still open."""
    frame = _innermost.get()
    if frame is None or not frame.closed:
        return frame
    while frame is not None and frame.closed:
        frame = frame.parent
    _innermost.set(frame)  # a long-lived context must not keep every frame it has ever left
    return frame


def enter(frame: Frame) -> None:
    """Make `frame` the current one of this context."""
    _innermost.set(frame)


def leave(frame: Frame) -> None:
    """Close `frame`, in whatever context this runs; its parent becomes current wherever it was."""
    frame.closed = True
    current()


def replace(frame: Frame | None) -> Frame | None:
    """Make `frame` current whatever was before, and return what was, for putting it back in this same context."""
    previous = _innermost.get()
    _innermost.set(frame)
    return previous


def child(
    parent: Frame | None,
    *,
    session: Session | None,
    trace: Trace | None,
    span: Span | None,
) -> Frame:
    """A frame inside `parent`, as quiet as it."""
    if parent is None:
        return Frame(None, session, trace, span)
    while parent.parent is not None and parent.parent.closed:
        parent.parent = parent.parent.parent  # blocks that take over from one another must not form an endless chain
    return Frame(parent, session, trace, span, parent.muted, parent.contentless)
