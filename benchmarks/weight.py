"""Time and memory of `import baserun` and of first use, in fresh interpreters."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks._measure import REFERENCE_YARDSTICK, yardstick
from benchmarks._report import Figure
from benchmarks._sizes import Size

PROGRAM = """
import sys, time
{before}
def rss():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
size = rss()
start = time.process_time()
{statement}
took = time.process_time() - start
print(took * 1000, (rss() - size) / 2**20)
"""

STEPS = [
    ("import baserun, after openai", "import openai", "import baserun", 15, 4),
    ("import baserun, bare interpreter", "", "import baserun", None, None),
    ("first use, after both", "import openai, baserun", "baserun.init(store='memory')", 25, None),
]
"""Name, statements to run first, the measured statement, and its targets in milliseconds and MB."""


def run(size: Size) -> list[Figure]:
    """Measure milliseconds of CPU and MB of each step, the median of eleven interpreters."""
    scale = yardstick() / REFERENCE_YARDSTICK
    figures = []
    for name, before, statement, most_ms, most_mb in STEPS:
        measured = [_once(before, statement) for _ in range(1 if size == "smoke" else 11)]
        known = [one for one in measured if one is not None]
        if not known:
            figures.append(Figure(name, None, "", remark="not measured: openai is not installed"))
            continue
        aim = None if most_ms is None else most_ms * scale
        figures.append(Figure(f"{name}: time", statistics.median(one[0] for one in known), "ms", aim))
        figures.append(Figure(f"{name}: memory", statistics.median(one[1] for one in known), "MB", most_mb))
    return figures


def _once(before: str, statement: str) -> tuple[float, float] | None:
    program = PROGRAM.format(before=before, statement=statement)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    took, size = done.stdout.split()
    return float(took), float(size)
