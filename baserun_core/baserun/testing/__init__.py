"""What tests of applications need: a model that works offline."""

from __future__ import annotations

from baserun.testing._offline import Fault, OfflineModel, ReceivedRequest, Reply, SentAnswer, ToolCall

__all__ = ["Fault", "OfflineModel", "ReceivedRequest", "Reply", "SentAnswer", "ToolCall"]
