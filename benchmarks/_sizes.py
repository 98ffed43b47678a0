"""The sizes of a run: how much is measured."""

from __future__ import annotations

from typing import Literal

Size = Literal["smoke", "usual", "full"]
"""``smoke`` only shows that everything runs; ``full`` takes many minutes."""
