"""How an operation is measured: CPU time of the calling thread and of the whole process, in alternating rounds."""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

Operation = Callable[[], object]

REFERENCE_YARDSTICK = 7.1
"""What `yardstick` gives on the machine that targets are stated for."""

_YARDSTICK = {"messages": [{"role": "user", "content": "word " * 40}] * 4, "numbers": list(range(60)), "ok": True}


class Cost(NamedTuple):
    """Microseconds of CPU for one operation."""

    caller: float
    """On the calling thread."""
    process: float
    """In all threads together, the background work of this operation included."""

    def minus(self, other: Cost) -> Cost:
        """What this costs more than the other."""
        return Cost(self.caller - other.caller, self.process - other.process)


class Measured(NamedTuple):
    """What several operations cost in one run."""

    costs: dict[str, Cost]
    """The median round of each."""
    rounds: dict[str, list[Cost]]
    scale: float
    """How much slower this machine was in that run than the one of the targets."""

    def added(self, name: str, plain: str) -> Cost:
        """What `name` costs more than `plain` did in the same rounds."""
        return median([cost.minus(base) for cost, base in zip(self.rounds[name], self.rounds[plain], strict=True)])


def measure(
    operations: Mapping[str, Operation],
    *,
    number: int,
    rounds: int = 7,
    settle: Operation | None = None,
    prepare: Mapping[str, Operation] | None = None,
) -> Measured:
    """Measure several operations in one run, so that what disturbs the machine disturbs them alike.

    Args:
        operations: By name.
        number: How often each runs in a round.
        rounds: Each round runs every operation; the median round counts.
        settle: Waits until background work is done; its CPU time belongs to the operation before it.
        prepare: What is done before the round of an operation, not measured.
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


def yardstick(number: int = 1000) -> float:
    """Microseconds that `json.dumps` of a fixed 1.2 kB value takes here and now.

    Targets are given for a machine where it takes 7.1: multiply them by this figure over 7.1 to compare.
    """
    return _round(lambda: json.dumps(_YARDSTICK), number, _nothing).caller


def median(costs: list[Cost]) -> Cost:
    """The median of each component."""
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
