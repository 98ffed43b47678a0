"""Charts as SVG without JavaScript and style attributes. No I/O."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup, escape

from baserun.store import Activity, ActivityBucket
from baserun.wording.text import facts
from baserun_monitor import _formats
from baserun_monitor._links import Links

WIDTH, HEIGHT, TOP, BOTTOM = 280, 96, 14, 16
"""Pixels; the space at the top is for the value, that at the bottom for the times."""


@dataclass(frozen=True)
class Series:
    """One line of a chart, or one part of its columns."""

    name: str
    style: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Chart:
    """A chart: its title, the drawing, and the same data as a table."""

    title: str
    svg: Markup
    heads: list[str]
    rows: list[list[str]]
    styles: list[str]
    """The CSS class of each series."""


def overview_charts(activity: Activity, links: Links) -> list[Chart]:
    """Draw sessions, users, calls, errors, cost, tokens, latency and feedback over time."""

    def drawn(title: str, word: Callable[[float], str], *series: Series, is_line: bool = False) -> Chart:
        return _chart(title, activity.buckets, series, word, links, is_line=is_line)

    buckets = activity.buckets
    return [
        drawn("Sessions started", _formats.grouped, Series("sessions", "a", [each.sessions for each in buckets])),
        drawn("Users active", _formats.grouped, Series("users", "a", [each.users for each in buckets])),
        drawn("Calls", _formats.grouped, Series("calls", "a", [each.llm_calls for each in buckets])),
        drawn("Errors", _formats.grouped, Series("errors", "e", [each.errors for each in buckets])),
        drawn("Cost", _money, Series("cost", "a", [_float(each.cost_usd) for each in buckets])),
        drawn(
            "Tokens",
            _formats.grouped,
            Series("input", "b", [each.input_tokens for each in buckets]),
            Series("output", "a", [each.output_tokens for each in buckets]),
        ),
        drawn(
            "Latency",
            _formats.duration,
            Series("median", "a", [each.latency_p50_ms for each in buckets]),
            Series("p95", "b", [each.latency_p95_ms for each in buckets]),
            is_line=True,
        ),
        drawn(
            "Feedback",
            _formats.grouped,
            Series("bad", "e", [each.feedback_negative for each in buckets]),
            Series("good", "g", [each.feedback_positive for each in buckets]),
        ),
    ]


def user_charts(activity: Activity) -> list[Chart]:
    """Draw calls, cost and errors of one user over time."""
    buckets = activity.buckets
    return [
        _chart("Calls", buckets, [Series("calls", "a", [each.llm_calls for each in buckets])], _formats.grouped, None),
        _chart("Cost", buckets, [Series("cost", "a", [_float(each.cost_usd) for each in buckets])], _money, None),
        _chart("Errors", buckets, [Series("errors", "e", [each.errors for each in buckets])], _formats.grouped, None),
    ]


def _chart(
    title: str,
    buckets: Sequence[ActivityBucket],
    series: Sequence[Series],
    word: Callable[[float], str],
    links: Links | None,
    *,
    is_line: bool = False,
) -> Chart:
    rows = [
        [
            _when(bucket, buckets),
            *(_formats.NONE if each.values[at] is None else word(each.values[at] or 0) for each in series),
        ]
        for at, bucket in enumerate(buckets)
    ]
    if is_line:
        top = max((value for each in series for value in each.values if value is not None), default=0)
        marks = "".join(_line(each, top) for each in series)
    else:
        top = max((sum(each.values[at] or 0 for each in series) for at in range(len(buckets))), default=0)
        marks = "".join(_column(series, at, len(buckets), top) for at in range(len(buckets)))
    hovers = "".join(_hover(bucket, at, rows[at], series, len(buckets), links) for at, bucket in enumerate(buckets))
    svg = (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_frame(buckets, top, word)}{marks}{hovers}</svg>"
    )
    return Chart(title, Markup(svg), ["", *(each.name for each in series)], rows, [each.style for each in series])


def _frame(buckets: Sequence[ActivityBucket], top: float, word: Callable[[float], str]) -> str:
    """Draw the base line, the times at its ends, and the highest value."""
    base = HEIGHT - BOTTOM
    first, last = _when(buckets[0], buckets), _when(buckets[-1], buckets)
    highest = f'<text class="top" x="0" y="9">{escape(word(top))}</text>' if top else ""
    return (
        f'<line class="base" x1="0" y1="{base + 0.5}" x2="{WIDTH}" y2="{base + 0.5}"/>{highest}'
        f'<text x="0" y="{HEIGHT - 3}">{escape(first)}</text>'
        f'<text class="end" x="{WIDTH}" y="{HEIGHT - 3}">{escape(last)}</text>'
    )


def _column(series: Sequence[Series], at: int, columns: int, top: float) -> str:
    """Draw the values of one bucket as a stacked column."""
    room, base, drawn = WIDTH / columns, float(HEIGHT - BOTTOM), []
    for each in series:
        height = (each.values[at] or 0) / top * (HEIGHT - BOTTOM - TOP) if top else 0
        if height > 0:
            height = max(height, 1.5)
            base -= height
            drawn.append(
                f'<rect class="{each.style}" x="{at * room:.2f}" y="{base:.2f}" width="{max(room - 1.5, 1):.2f}"'
                f' height="{height:.2f}"/>'
            )
    return "".join(drawn)


def _line(series: Series, top: float) -> str:
    """Draw a line with gaps where values are unknown, and a dot for a value without known neighbours."""
    room, runs = WIDTH / max(1, len(series.values)), _runs(series.values)
    drawn = []
    for run in runs:
        points = [(at * room + room / 2, _height(value, top)) for at, value in run]
        if len(points) == 1:
            drawn.append(f'<circle class="{series.style}" cx="{points[0][0]:.2f}" cy="{points[0][1]:.2f}" r="2"/>')
        else:
            path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
            drawn.append(f'<polyline class="{series.style}" points="{path}"/>')
    return "".join(drawn)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    found: list[list[tuple[int, float]]] = [[]]
    for at, value in enumerate(values):
        if value is None:
            found.append([])
        else:
            found[-1].append((at, value))
    return [run for run in found if run]


def _height(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (value / top * (HEIGHT - BOTTOM - TOP) if top and not math.isnan(value) else 0)


def _hover(
    bucket: ActivityBucket, at: int, row: list[str], series: Sequence[Series], columns: int, links: Links | None
) -> str:
    """Draw what is shown while the pointer is over one bucket; a click leads to its traces."""
    room = WIDTH / columns
    words = facts(*(f"{value} {each.name}" for value, each in zip(row[1:], series, strict=True)))
    label = escape(f"{row[0]}  {words}")
    inside = (
        f'<rect class="hit" x="{at * room:.2f}" y="{TOP}" width="{room:.2f}" height="{HEIGHT - BOTTOM - TOP}"/>'
        f'<text class="value end" x="{WIDTH}" y="9">{label}</text>'
    )
    if links is None or not bucket.traces:
        return f'<g class="time">{inside}</g>'
    address = links.to("/traces", since=_formats.iso(bucket.started_at), until=_formats.iso(bucket.ended_at))
    return f'<a class="time" href="{escape(address)}" tabindex="-1">{inside}</a>'


def _when(bucket: ActivityBucket, buckets: Sequence[ActivityBucket]) -> str:
    here = bucket.started_at.astimezone()
    width = (bucket.ended_at - bucket.started_at).total_seconds()
    if width >= 20 * 3600:
        return f"{here:%d %b}"
    whole = (buckets[-1].ended_at - buckets[0].started_at).total_seconds()
    return f"{here:%H:%M}" if whole <= 26 * 3600 else f"{here:%d %b %H:%M}"


def _money(value: float) -> str:
    return _formats.dollars(Decimal(repr(value)))


def _float(amount: Decimal | None) -> float | None:
    return None if amount is None else float(amount)
