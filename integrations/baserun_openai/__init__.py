"""Records the calls of the `openai` client in the session and trace that are current when they are made."""

from __future__ import annotations

from baserun_openai._patch import instrument as instrument
from baserun_openai._patch import uninstrument as uninstrument

__all__ = ["instrument", "uninstrument"]
