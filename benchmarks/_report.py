"""How figures are shown: one line each, beside their target."""

from __future__ import annotations

import math
from typing import NamedTuple

from benchmarks._measure import Cost

REFERENCE_YARDSTICK = 7.1


class Row(NamedTuple):
    """One measured operation of one library."""

    library: str
    operation: str
    cost: Cost
    target: Cost | None = None


def show(title: str, rows: list[Row], yardstick: float) -> None:
    """Print a table; targets are scaled to this machine."""
    scale = yardstick / REFERENCE_YARDSTICK
    print(f"\n{title}  (µs of CPU per operation: caller / process; this machine takes {scale:.1f} x the reference)")
    for row in rows:
        target = "" if row.target is None else f"   target {_pair(row.target, scale)}"
        print(f"  {row.library:<34}{row.operation:<34}{_pair(row.cost):>19}{target}")


def show_figures(title: str, figures: list[tuple[str, str]]) -> None:
    """Print a table of named figures."""
    print(f"\n{title}")
    for name, figure in figures:
        print(f"  {name:<60}{figure}")


def _pair(cost: Cost, scale: float = 1.0) -> str:
    return f"{_figure(cost.caller * scale)} / {_figure(cost.process * scale)}"


def _figure(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1f}"
