"""Roll-ups: the sums that sessions and users keep over their traces.

A trace's own sums are added to its session and its user in the transaction that changes them, and subtracted when it
leaves them. All are integers, so that subtracting is exact; feedback scores are summed in millionths.

``errors`` counts the spans of a trace that failed, or the trace itself where it failed without a failed span, so that
one failed call that fails its request is one error.

``cost_known`` and ``unpriced`` count calls of every kind, also failed ones: with a known cost, and without.
"""

from __future__ import annotations

import operator

from baserun.store.filters import is_positive

COLUMNS = (
    "traces",
    "turns",
    "llm_calls",
    "errors",
    "input_tokens",
    "input_known",
    "output_tokens",
    "output_known",
    "cost_nano",
    "cost_known",
    "unpriced",
    "feedback_count",
    "feedback_sum",
    "feedback_negative",
    "feedback_positive",
)
WIDTH = len(COLUMNS)
(TRACES, TURNS, LLM_CALLS, ERRORS, INPUT, INPUT_KNOWN, OUTPUT, OUTPUT_KNOWN) = range(8)
(COST, COST_KNOWN, UNPRICED, FEEDBACK) = range(8, 12)

FEEDBACK_UNIT = 1_000_000

TRACE_COLUMNS = COLUMNS[1:]
"""The row of a trace has no column `traces`."""

DIRECT_COLUMNS = ("direct_count", "direct_sum", "direct_negative", "direct_positive")


def none() -> list[int]:
    """Return empty sums."""
    return [0] * WIDTH


def add(sums: list[int], other: list[int]) -> None:
    """Add `other` to `sums`."""
    sums[:] = map(operator.add, sums, other)


def subtract(sums: list[int], other: list[int]) -> None:
    """Subtract `other` from `sums`."""
    sums[:] = map(operator.sub, sums, other)


def feedback(score: float) -> tuple[int, int, int, int]:
    """Return what a feedback with this score adds to the four feedback columns; one without a score adds nothing."""
    is_good = is_positive(score)
    return (1, round(score * FEEDBACK_UNIT), int(not is_good), int(is_good))


def known(total: int, count: int) -> int | None:
    """Return a sum as it is read: None if all its parts are unknown."""
    return total if count else None


def mean(total: int, count: int) -> float | None:
    """Return the mean feedback score; None without feedback."""
    return total / FEEDBACK_UNIT / count if count else None
