"""The requirements of the distribution: lower bounds, each with its reason, tested at exactly these versions."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
LOWEST = Path(__file__).with_name("lowest.txt")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """The table `project` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads(PYPROJECT.read_text())["project"]
    return table


APART = {"all", "local-model"}
"""The extra with all others, and one that compiles for minutes: the environment `real-model` has its newest version."""


def requirements(project: dict[str, Any], *leaving_out: str) -> list[str]:
    """Return the requirements, without those on our own extras."""
    extras = project["optional-dependencies"].items()
    lines = [*project["dependencies"]] + [line for name, lines in extras if name not in leaving_out for line in lines]
    return [line for line in lines if not line.startswith("baserun[")]


def test_bounds_are_lower_bounds(project: dict[str, Any]) -> None:
    """Each requirement is a lower bound only: a cap would block upgrades, no bound would allow untested versions."""
    loose = [line for line in requirements(project) if not re.fullmatch(r"[a-z0-9-]+(\[\w+\])?>=[0-9.]+", line)]

    assert loose == []


def test_lowest_versions_are_those_that_are_tested(project: dict[str, Any]) -> None:
    """The tox environment `lowest` installs exactly the lower bounds."""
    pins = [line for line in LOWEST.read_text().splitlines() if line and not line.startswith("#")]

    assert sorted(pins) == sorted({line.replace(">=", "==") for line in requirements(project, *APART)})


def test_every_bound_has_its_reason(project: dict[str, Any]) -> None:
    """Each requirement in pyproject.toml has a comment with the reason for it or for its version."""
    lines = PYPROJECT.read_text().splitlines()

    unexplained = [
        requirement
        for requirement in requirements(project)
        if not any(re.match(rf'\s*"{re.escape(requirement)}",\s+# \w', line) for line in lines)
    ]

    assert unexplained == []


def test_all_holds_every_extra(project: dict[str, Any]) -> None:
    """`baserun[all]` contains all other extras, except `local-model`."""
    extras = project["optional-dependencies"]

    (everything,) = extras["all"]

    assert set(everything.removeprefix("baserun[").removesuffix("]").split(",")) == set(extras) - APART
