"""The client's own tests have the same outcomes with recording as without."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import NamedTuple

import openai
import pytest

import baserun
import baserun_openai

FILES = (
    "tests/test_streaming.py",
    "tests/test_response.py",
    "tests/test_legacy_response.py",
    "tests/test_module_client.py",
    "tests/lib/chat",
    "tests/lib/responses/test_responses.py",
    "tests/lib/test_azure.py",
    "tests/lib/test_audio.py",
)
"""Its tests of requests, answers and streams that need no server."""

NEEDED = ("pytest", "pytest-asyncio", "inline-snapshot", "rich", "trio", "blinker", "msgspec", "itsdangerous")

RECORDING = """
import baserun

baserun.init(store="memory:upstream")

from openai._base_client import SyncAPIClient

assert hasattr(SyncAPIClient.request, "__wrapped__"), "nothing would be recorded"


def pytest_sessionfinish(session):
    assert baserun.flush(60)
    assert baserun.stats().stored > 100, baserun.stats()
    assert not baserun.stats().dropped, baserun.stats()
"""


@pytest.mark.storm
def test_upstream_suite(tmp_path: Path) -> None:
    """Each test of the client passes, fails or is skipped as without us, while its calls are recorded."""
    suite = _unpacked(tmp_path)
    python = _environment(tmp_path)

    plain = _outcomes(python, suite, tmp_path / "plain.xml", [])
    (tmp_path / "recording.py").write_text(RECORDING)
    recorded = _outcomes(python, suite, tmp_path / "recorded.xml", ["-p", "recording"])

    assert sum(outcome.tag == "passed" for outcome in plain.values()) > 100
    assert recorded.keys() == plain.keys()
    differences = {name: (plain[name], recorded[name]) for name in plain if plain[name].tag != recorded[name].tag}
    assert not differences, "\n\n".join(map(str, differences.items()))


def _unpacked(folder: Path) -> Path:
    name = f"openai=={openai.__version__}"
    _run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "openai", name], folder)
    (archive,) = folder.glob("openai-*.tar.gz")
    with tarfile.open(archive) as files:
        files.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def _environment(folder: Path) -> str:
    _run([sys.executable, "-m", "venv", "venv"], folder)
    python = str(folder / "venv" / "bin" / "python")
    _run([python, "-m", "pip", "install", "-q", f"openai[aiohttp]=={openai.__version__}", *NEEDED], folder)
    return python


class Outcome(NamedTuple):
    """The outcome of a test, and the text of its failure."""

    tag: str
    text: str = ""


def _outcomes(python: str, suite: Path, report: Path, options: list[str]) -> dict[str, Outcome]:
    files = [name for name in FILES if (suite / name).exists()]
    command = [python, "-m", "pytest", "-o", "addopts=", "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    run = subprocess.run(
        [*command, *options, *files], cwd=suite, env=_variables(report.parent), capture_output=True, text=True
    )
    assert run.returncode in (0, 1), run.stdout[-4000:] + run.stderr[-4000:]
    cases = ElementTree.parse(report).iter("testcase")
    return {f"{case.get('classname')}::{case.get('name')}": _outcome(case) for case in cases}


def _outcome(case: ElementTree.Element) -> Outcome:
    return Outcome(case[0].tag, case[0].text or "") if len(case) else Outcome("passed")


def _variables(folder: Path) -> dict[str, str]:
    sources = [str(Path(package.__file__ or "").parents[1]) for package in (baserun, baserun_openai)]
    # The outer run's options may be for plugins that the client's environment lacks.
    return {**os.environ, "PYTEST_ADDOPTS": "", "PYTHONPATH": os.pathsep.join([str(folder), *sources])}


def _run(command: list[str], folder: Path) -> None:
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-4000:]
