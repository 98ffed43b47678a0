"""Measures one framework with one library: ``python -m benchmarks._sites FRAMEWORK LIBRARY SIZE``.

In its own process, since some libraries change every application of a process. It prints one JSON object: the cost of a
plain request, and the cost that each variant added to it in the same rounds.
"""

from __future__ import annotations

import json
import sys
import tempfile
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import baserun
from benchmarks._measure import measure
from benchmarks._sites._libraries import OURS, switch_sentry

PLAIN = "plain"
NUMBERS = {"smoke": 2, "usual": 200, "full": 1000}
ROUNDS = 11
VARIANTS = {
    "baserun": ("own session", *OURS),
    "opentelemetry": ("opentelemetry",),
    "sentry": ("sentry",),
}


def main() -> None:
    """Measure the framework and print the result."""
    framework, library, size = sys.argv[1:]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        baserun.init(store=str(Path(folder) / "web.sqlite3"), redact=None, instrument="none")
        make = _maker(framework)
        sites = {name: make(name) for name in (PLAIN, *VARIANTS[library])}
        measured = measure(
            {name: site.request for name, site in sites.items()},
            number=NUMBERS[size],
            rounds=2 if size == "smoke" else ROUNDS,
            settle=lambda: baserun.flush(60),
            prepare={name: partial(_prepare, name, site, library) for name, site in sites.items()},
        )
        baserun.shutdown()
    added = {name: measured.added(name, PLAIN) for name in sites if name != PLAIN}
    print(json.dumps({"plain": measured.costs[PLAIN], "added": added, "scale": measured.scale}))


def _prepare(name: str, site: Any, library: str) -> None:
    if library == "sentry":
        switch_sentry(is_on=name != PLAIN)
    site.forget()


def _maker(framework: str) -> Any:
    if framework == "flask":
        from benchmarks._sites.flask import site

        return site
    if framework == "starlette":
        from benchmarks._sites import starlette

        return starlette.site
    from benchmarks._sites import django

    return django.asgi if framework == "django-asgi" else django.wsgi


if __name__ == "__main__":
    main()
