"""What one block of code is in."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from baserun._live import Live

if TYPE_CHECKING:
    from baserun._model import Session, Span, Trace


class Frame(Live):
    """What is current inside one block. Frames compare by identity: asgiref compares context values on every hop."""

    parent: Frame | None
    session: Session | None
    trace: Trace | None
    span: Span | None
    muted: bool = False
    """Nothing is recorded."""
    contentless: bool = False
    """What was said is not recorded; that it was said is."""
    closed: bool = False
    linked: WeakSet[Session] | None = None
    """Sessions that took the place of this block's in some task, as far as anybody is in them still."""
