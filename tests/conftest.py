"""Each test starts in a process as good as new: no configuration, no environment, a folder of its own."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

INHERITED = ("BASERUN_", "OPENAI_", "AZURE_OPENAI_")
"""Variables that change what Baserun or a client does; a test sets those it means."""

# Nothing here is timed, and a failure found on one machine is told by its example, not by a file left behind.
settings.register_profile("baserun", deadline=None, database=None, print_blob=True)
settings.load_profile("baserun")

collect_ignore = [
    folder
    for folder, package in {"integrations/openai": "openai", "cli": "click"}.items()
    if importlib.util.find_spec(package) is None
]
"""Suites of integrations whose package is not installed, as in the bare environment."""


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Leave nothing of one test to the next: options, environment, current session, instrumented clients, threads."""
    for variable in [name for name in os.environ if name.startswith(INHERITED)]:
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    _forget()
    yield
    _forget()


def _forget() -> None:
    # Only where something was imported: the tests of what an import does not do run here too.
    runtime = sys.modules.get("baserun._runtime")
    context = sys.modules.get("baserun._context")
    if runtime is not None:
        runtime.reset()
    if context is not None:
        context.replace(None)
