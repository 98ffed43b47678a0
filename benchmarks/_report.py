"""Printing of figures, each on a line with its target."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks._measure import Cost


class Row(NamedTuple):
    """One measured operation of one library."""

    library: str
    operation: str
    cost: Cost | None
    """None where it could not be measured."""
    target: Cost | None = None
    """On the machine of the targets; NaN where there is no target."""
    scale: float = 1.0
    """How many times as slow as the machine of the targets this one was when it measured."""
    remark: str = ""


class Figure(NamedTuple):
    """One measured figure with a name and a unit."""

    name: str
    value: float | None
    unit: str
    target: float | None = None
    """The largest value that meets the target, or the smallest for a rate; already scaled to this machine."""
    is_rate: bool = False
    remark: str = ""


def show(title: str, rows: Iterable[Row]) -> None:
    """Print a table of costs, each line as soon as it is measured, with targets scaled to this machine."""
    print(f"\n{title}  (µs of CPU per operation: caller / process; targets scaled to this machine)")
    for row in rows:
        cost = "-" if row.cost is None else _pair(row.cost)
        print(
            f"  {row.library:<28}{row.operation:<26}{cost:>19}{_against(row)}{_remark(row.remark)}".rstrip(), flush=True
        )


def show_figures(title: str, figures: Iterable[Figure]) -> None:
    """Print a table of named figures."""
    print(f"\n{title}")
    for figure in figures:
        value = "-" if figure.value is None else f"{_readable(figure.value)} {figure.unit}"
        print(f"  {figure.name:<58}{value:>20}{_aim(figure)}{_remark(figure.remark)}".rstrip(), flush=True)


def _against(row: Row) -> str:
    if row.target is None or row.cost is None:
        return ""
    scaled = Cost(row.target.caller * row.scale, row.target.process * row.scale)
    is_met = not any(measured > aim for measured, aim in zip(row.cost, scaled, strict=True))
    return f"   target {_pair(scaled)} (x {row.scale:.2f}) {_verdict(is_met)}"


def _aim(figure: Figure) -> str:
    if figure.target is None or figure.value is None:
        return ""
    is_met = figure.value >= figure.target if figure.is_rate else figure.value <= figure.target
    sign = ">=" if figure.is_rate else "<="
    return f"   target {sign} {_readable(figure.target)} {_verdict(is_met)}"


def _verdict(is_met: bool) -> str:
    return "met" if is_met else "MISSED"


def _remark(text: str) -> str:
    return f"   {text}" if text else ""


def _pair(cost: Cost) -> str:
    return f"{_figure(cost.caller)} / {_figure(cost.process)}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.1f}"


def _readable(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
