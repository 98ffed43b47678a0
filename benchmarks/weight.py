"""What `import baserun` takes: time and memory, in fresh interpreters."""

from __future__ import annotations

import statistics
import subprocess
import sys

PROGRAM = """
import sys, time
{before}
def rss():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096
size = rss()
start = time.perf_counter()
{statement}
took = time.perf_counter() - start
print(took * 1000, (rss() - size) / 2**20)
"""

STEPS = [
    ("import baserun, after openai", "import openai", "import baserun"),
    ("import baserun, bare interpreter", "", "import baserun"),
    ("first use, after both", "import openai, baserun", "baserun.init(store='memory')"),
]


def run() -> list[tuple[str, str]]:
    """Milliseconds and MB of each step, the median of eleven interpreters."""
    figures = []
    for name, before, statement in STEPS:
        measured = [_once(before, statement) for _ in range(11)]
        if any(one is None for one in measured):
            figures.append((name, "not measured: openai is not installed"))
            continue
        times = statistics.median(one[0] for one in measured if one)
        sizes = statistics.median(one[1] for one in measured if one)
        figures.append((name, f"{times:7.1f} ms {sizes:7.1f} MB"))
    return figures


def _once(before: str, statement: str) -> tuple[float, float] | None:
    program = PROGRAM.format(before=before, statement=statement)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    if done.returncode:
        return None
    took, size = done.stdout.split()
    return float(took), float(size)
