"""The frame: which session, trace and span a block of code is in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from baserun._live import Live

if TYPE_CHECKING:
    from baserun._model import Session, Span, Trace


class Frame(Live):
    """What is current inside one block. Compares by identity: asgiref compares context values on every thread hop."""

    parent: Frame | None
    session: Session | None
    trace: Trace | None
    span: Span | None
    muted: bool = False
    """Nothing is recorded."""
    contentless: bool = False
    """No content is recorded."""
    closed: bool = False
    linked: WeakSet[Session] | None = None
    """Sessions that replaced this block's session in some task, while a task is still in them."""

    def leave_trace(self, following: Trace | None) -> Trace | None:
        """Leave the trace for `following`, and return the trace that is current from now on."""
        self.trace, self.span = following, None
        return following
