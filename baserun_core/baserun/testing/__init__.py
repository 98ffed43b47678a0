"""Tools for the tests of applications: recording into a separate store, and an offline model server."""

from __future__ import annotations

from baserun.testing._capture import Captured, capture
from baserun.testing._clock import CountingIds, FakeClock
from baserun.testing._offline import Fault, OfflineModel, ReceivedRequest, Reply, SentAnswer, ToolCall

__all__ = [
    "Captured",
    "CountingIds",
    "FakeClock",
    "Fault",
    "OfflineModel",
    "ReceivedRequest",
    "Reply",
    "SentAnswer",
    "ToolCall",
    "capture",
]
