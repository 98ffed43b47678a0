"""The cost that recording adds to one call of the `openai` client: Baserun, OpenTelemetry and two other libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks._measure import Cost
from benchmarks._report import Row
from benchmarks._sizes import Size

LIBRARIES = ("baserun", "baserun, default redaction", "opentelemetry-genai", "langfuse", "openinference")
PATIENCE = 900  # seconds for one library
NONE = float("nan")

TARGETS = {
    "baserun": {
        "sync": Cost(20, 60),
        "async": Cost(25, 65),
        "50-chunk stream": Cost(80, 160),
        "100 kB prompt": Cost(15, 200),
        "session and user set": Cost(22, 65),
        "stub of the client": Cost(6, 40),
        "stub of the client, 50-chunk stream": Cost(80, 160),
        "stub of the client, 100 kB prompt": Cost(15, 200),
    },
    "baserun, default redaction": {
        "sync": Cost(20, 80),
        "100 kB prompt": Cost(15, 1500),
        "stub of the client": Cost(6, NONE),
        "stub of the client, 100 kB prompt": Cost(15, 1500),
    },
}


def run(size: Size) -> Iterator[Row]:
    """Measure each library in its own process, against the plain client in the same rounds."""
    try:
        import openai  # noqa: F401
    except ImportError:
        yield Row("openai", "", None, remark="not installed")
        return
    with _served("baserun.testing.offline") as model, _served("benchmarks._sink") as sink:
        for library in LIBRARIES:
            yield from _rows(library, model, sink, size)


def _rows(library: str, model: str, sink: str, size: Size) -> Iterator[Row]:
    command = [sys.executable, "-m", "benchmarks._worker", library, model, sink, size]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        yield Row(library, "", None, remark=_reason(done.stderr))
        return
    for call, found in json.loads(done.stdout.splitlines()[-1]).items():
        added, plain = Cost(*found["added"]), Cost(*found["plain"])
        remark = f"= {100 * added.process / plain.process:.0f} % of {plain.process:.0f}" if plain.process > 100 else ""
        yield Row(library, call, added, TARGETS.get(library, {}).get(call), found["scale"], remark)


def _reason(stderr: str) -> str:
    last = (stderr.strip().splitlines() or ["it said nothing"])[-1]
    if "ModuleNotFoundError" in last:
        return f"not installed ({last.removeprefix('ModuleNotFoundError: ')}): pip install --group benchmarks"
    return f"it does not run with this client: {last}"


@contextmanager
def _served(module: str) -> Iterator[str]:
    process: Any = subprocess.Popen(
        [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=30)
