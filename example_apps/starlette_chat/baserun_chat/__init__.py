"""A chat in Starlette whose sessions and users Baserun records: the example, and the application of `baserun demo`."""

from __future__ import annotations

from baserun_chat.app import create_app
from baserun_chat.settings import Settings

__all__ = ["Settings", "create_app"]
