"""What `baserun demo` shows: the Starlette example with the pages, and visitors who talk to it."""

from __future__ import annotations

from baserun_demo._demo import run
from baserun_demo._options import DemoError, DemoOptions

__all__ = ["DemoOptions", "DemoError", "run"]
