"""CI requires exactly the environments that tox has."""

from __future__ import annotations

import configparser
import re
import stat
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / ".ci" / "run"


def environments() -> tuple[set[str], set[str]]:
    """Return the environments that `tox` and `tox -m full` run."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(REPOSITORY / "tox.ini")
    full = tox["tox"]["labels"].partition("full = ")[2]
    return set(re.split(r"[,\s]+", tox["tox"]["env_list"])), set(re.split(r"[,\s]+", full))


def test_script_can_be_run() -> None:
    """The script is executable, and stops at the first failing command."""
    assert SCRIPT.stat().st_mode & stat.S_IXUSR
    assert "set -euo pipefail" in SCRIPT.read_text()


def test_every_suite_that_runs_is_asked_for() -> None:
    """CI requires the results of every environment that runs tests."""
    default, full = environments()
    required = re.search(r"^required=\((.*)\)$", SCRIPT.read_text(), re.MULTILINE)
    assert required is not None

    others = {name for name in full if name.startswith(("py", "django"))}

    assert set(required[1].split()) == (default | full) - {"lint", "typing"} - others


def test_every_python_is_asked_for() -> None:
    """CI requires the results of every other Python of tox, where it is installed."""
    _, full = environments()
    versions = re.search(r"^for version in (.*); do$", SCRIPT.read_text(), re.MULTILINE)
    assert versions is not None

    assert {f"py{version.replace('.', '')}" for version in versions[1].split()} == {
        name for name in full if name.startswith("py")
    }


def test_every_series_of_django_is_asked_for() -> None:
    """CI requires the results of the Django series that need a newer Python, where one is installed."""
    _, full = environments()
    required = re.search(r"python3\.12 -c .*\n    required\+=\((.*)\)", SCRIPT.read_text())
    assert required is not None

    assert set(required[1].split()) == {name for name in full if name.startswith("django")}
