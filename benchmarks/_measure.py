"""How an operation is measured: CPU time of the calling thread and of the whole process, in alternating rounds."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

Operation = Callable[[], object]


class Cost(NamedTuple):
    """Microseconds of CPU for one operation."""

    caller: float
    """On the calling thread."""
    process: float
    """In all threads together, the background work of this operation included."""

    def minus(self, other: Cost) -> Cost:
        return Cost(self.caller - other.caller, self.process - other.process)


def measure(
    operations: Mapping[str, Operation], *, number: int, rounds: int = 7, settle: Operation | None = None
) -> dict[str, Cost]:
    """Measure several operations in one run, so that what disturbs the machine disturbs them alike.

    Args:
        operations: By name.
        number: How often each runs in a round.
        rounds: Each round runs every operation; the median round counts.
        settle: Waits until background work is done; its CPU time belongs to the operation before it.
    """
    settle = settle or (lambda: None)
    for operation in operations.values():
        operation()
    settle()
    seen: dict[str, list[Cost]] = {name: [] for name in operations}
    for _ in range(rounds):
        for name, operation in operations.items():
            seen[name].append(_round(operation, number, settle))
    return {name: _median(costs) for name, costs in seen.items()}


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


def _median(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(cost.caller for cost in costs), statistics.median(cost.process for cost in costs))


def yardstick() -> float:
    """Microseconds that `json.dumps` of a fixed 1.2 kB value takes here; 7.1 on the machine of the targets.

    Targets are given for that machine: multiply them by this figure over 7.1 to compare.
    """
    import json

    value = {"messages": [{"role": "user", "content": "word " * 40}] * 4, "numbers": list(range(60)), "ok": True}
    return min(_round(lambda: json.dumps(value), 2000, lambda: None).caller for _ in range(7))
