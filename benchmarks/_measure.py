"""How an operation is measured: CPU time of the calling thread and of the whole process, in alternating rounds."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

Operation = Callable[[], object]

SLICE = 5
"""Operations of one kind in a row, where two kinds alternate."""

REFERENCE_YARDSTICK = 7.1
"""The result of `yardstick` on the machine that targets are stated for, in microseconds."""

_YARDSTICK = {"messages": [{"role": "user", "content": "word " * 40}] * 4, "numbers": list(range(60)), "ok": True}


class Cost(NamedTuple):
    """Microseconds of CPU for one operation."""

    caller: float
    """On the calling thread."""
    process: float
    """On all threads together, including the background work of this operation."""

    def minus(self, other: Cost) -> Cost:
        """Return how much more this costs than `other`."""
        return Cost(self.caller - other.caller, self.process - other.process)


class Measured(NamedTuple):
    """The costs of several operations in one run."""

    costs: dict[str, Cost]
    """The median round of each."""
    rounds: dict[str, list[Cost]]
    scale: float
    """How many times as slow as the machine of the targets this one was during the run."""

    def added(self, name: str, plain: str) -> Cost:
        """Return how much more `name` cost than `plain` in the same round; the median of all rounds."""
        return median([cost.minus(base) for cost, base in zip(self.rounds[name], self.rounds[plain], strict=True)])


def measure(
    operations: Mapping[str, Operation],
    *,
    number: int,
    rounds: int = 7,
    settle: Operation | None = None,
    prepare: Mapping[str, Operation] | None = None,
) -> Measured:
    """Measure several operations in one run, so that disturbances of the machine affect them alike.

    Args:
        operations: By name.
        number: How often each runs in a round.
        rounds: Each round runs every operation; the median round counts.
        settle: Waits until background work is done; its CPU time counts for the operation before it.
        prepare: By name of an operation, what to run before each of its rounds, unmeasured.
    """
    settle, prepare = settle or _nothing, prepare or {}
    for name, operation in operations.items():
        prepare.get(name, _nothing)()
        operation()
    settle()
    seen: dict[str, list[Cost]] = {name: [] for name in operations}
    yardsticks = []
    for _ in range(rounds):
        yardsticks.append(yardstick())
        for name, operation in operations.items():
            prepare.get(name, _nothing)()
            seen[name].append(_round(operation, number, settle))
    costs = {name: median(each) for name, each in seen.items()}
    return Measured(costs, seen, statistics.median(yardsticks) / REFERENCE_YARDSTICK)


class Compared(NamedTuple):
    """How much more an operation costs than a plain one that alternates with it."""

    added: Cost
    plain: Cost
    scale: float
    """As in `Measured`."""


def compare(
    plain: Operation, other: Operation, *, number: int, rounds: int, switch: Callable[[bool], object], settle: Operation
) -> Compared:
    """Measure how much more `other` costs than `plain`, where both vary by more than that.

    They alternate, a few operations at a time, and the mean of the middle half of the differences between neighbours
    counts. CPU time of the process outside the calling thread is background work, which only `other` has.

    Args:
        number: How often each runs in a round.
        switch: Called before each turn with True if it is the turn of `other`.
        settle: Waits at the end of a round until the background work is done.
    """
    differences, plains, behind, yardsticks = [], [], [], []
    for _ in range(rounds):
        yardsticks.append(yardstick())
        gc.collect()
        process, caller = time.process_time_ns(), time.thread_time_ns()
        for turn in range(max(number // SLICE, 1)):
            costs = {}
            for is_other in (False, True) if turn % 2 else (True, False):
                switch(is_other)
                costs[is_other] = _turn(other if is_other else plain)
            differences.append(costs[True] - costs[False])
            plains.append(costs[False])
        caller = time.thread_time_ns() - caller
        settle()  # some libraries send here, on this thread
        behind.append((time.process_time_ns() - process - caller) / max(number, SLICE) / 1000)
    added, usual = _middle_mean(differences), statistics.median(plains)
    return Compared(
        Cost(added, added + statistics.median(behind)),
        Cost(usual, usual),
        statistics.median(yardsticks) / REFERENCE_YARDSTICK,
    )


def _turn(operation: Operation) -> float:
    begun = time.thread_time_ns()
    for _ in range(SLICE):
        operation()
    return (time.thread_time_ns() - begun) / SLICE / 1000


def _middle_mean(values: list[float]) -> float:
    """Return the mean of the values without the lowest and the highest quarter."""
    quarter = len(values) // 4
    return statistics.fmean(sorted(values)[quarter : len(values) - quarter])


def yardstick(number: int = 1000) -> float:
    """Return the microseconds that `json.dumps` of a fixed 1.2 kB value takes on this machine now.

    Targets are stated for a machine where it takes 7.1: to compare, multiply them by this figure divided by 7.1.
    """
    return _round(lambda: json.dumps(_YARDSTICK), number, _nothing).caller


def median(costs: list[Cost]) -> Cost:
    """Return the median of each component."""
    return Cost(statistics.median(cost.caller for cost in costs), statistics.median(cost.process for cost in costs))


def _round(operation: Operation, number: int, settle: Operation) -> Cost:
    gc.collect()
    process = time.process_time_ns()
    caller = time.thread_time_ns()
    for _ in range(number):
        operation()
    caller = time.thread_time_ns() - caller
    settle()
    process = time.process_time_ns() - process
    return Cost(caller / number / 1000, process / number / 1000)


def _nothing() -> None:
    return None
