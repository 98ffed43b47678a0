"""Recording together with other tools' instrumentation, in an environment that has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import openai
import pytest

import baserun
import baserun_openai

NEEDED = ("pytest", "pytest-asyncio", "hypothesis", "blinker", "msgspec", "itsdangerous")
OTHERS = ("opentelemetry-instrumentation-genai-openai>=1.3b0", "openinference-instrumentation-openai>=0.1.66")


@pytest.mark.storm
def test_beside_others(tmp_path: Path) -> None:
    """Each call is one record of ours and one of the other tool's, whichever instrumented first."""
    _run([sys.executable, "-m", "venv", "venv"], tmp_path)
    python = str(tmp_path / "venv" / "bin" / "python")
    _run([python, "-m", "pip", "install", "-q", f"openai=={openai.__version__}", *NEEDED, *OTHERS], tmp_path)
    tests = Path(__file__).with_name("beside_others.py")

    told = _run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)], tests.parents[3])

    assert " passed" in told


def _run(command: list[str], folder: Path) -> str:
    sources = [str(Path(package.__file__ or "").parents[1]) for package in (baserun, baserun_openai)]
    # The outer run's options may be for plugins that the other environment lacks.
    variables = {**os.environ, "PYTEST_ADDOPTS": "", "PYTHONPATH": os.pathsep.join(sources)}
    run = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    return run.stdout
