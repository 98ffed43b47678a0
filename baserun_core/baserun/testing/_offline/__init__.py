"""The offline model: an OpenAI-compatible server for tests, examples and the demo."""

from __future__ import annotations

from baserun.testing._offline.exchange import ReceivedRequest, SentAnswer
from baserun.testing._offline.fault import Fault
from baserun.testing._offline.model import OfflineModel
from baserun.testing._offline.reply import Reply, ToolCall

__all__ = ["Fault", "OfflineModel", "ReceivedRequest", "Reply", "SentAnswer", "ToolCall"]
