"""The demo of `baserun demo`: the Starlette example, the pages, and simulated visitors."""

from __future__ import annotations

from baserun_demo._demo import run
from baserun_demo._options import DemoError, DemoOptions

__all__ = ["DemoOptions", "DemoError", "run"]
