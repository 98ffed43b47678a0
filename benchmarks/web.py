"""The cost added to a request in Flask, Starlette and Django, compared with their own sessions and other libraries."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

from benchmarks._measure import Cost
from benchmarks._report import Row
from benchmarks._sizes import Size

FRAMEWORKS = ("flask", "starlette", "django-wsgi", "django-asgi")
LIBRARIES = ("baserun", "opentelemetry", "sentry")
PATIENCE = 600  # seconds for one framework
NONE = float("nan")

UNTOUCHED = "baserun, untouched"
RESUMED = "baserun, resumed + call"
TARGETS = {
    "flask": {UNTOUCHED: 18, RESUMED: 70},
    "starlette": {UNTOUCHED: 10, RESUMED: 50},
    "django-wsgi": {UNTOUCHED: 15, RESUMED: 70},
    "django-asgi": {UNTOUCHED: 45, RESUMED: 110},
}


def run(size: Size) -> Iterator[Row]:
    """Measure each framework with each library in its own process, against the plain framework in the same rounds."""
    for framework in FRAMEWORKS:
        for library in LIBRARIES:
            yield from _rows(framework, library, size)


def _rows(framework: str, library: str, size: Size) -> Iterator[Row]:
    command = [sys.executable, "-m", "benchmarks._sites", framework, library, size]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    if done.returncode:
        yield Row(framework, library, None, remark=(done.stderr.strip().splitlines() or ["it said nothing"])[-1])
        return
    found = json.loads(done.stdout.splitlines()[-1])
    plain = Cost(*found["plain"])
    for variant, figures in found["added"].items():
        added, aim = Cost(*figures), TARGETS[framework].get(variant)
        target = None if aim is None else Cost(aim, NONE)
        remark = f"= {added.caller / plain.caller:.2f} of a plain request, {plain.caller:.0f}"
        yield Row(framework, variant, added, target, found["scale"], remark)
