"""The contracts about the direction of imports cover every package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
INTEGRATIONS = {file.parent.name for file in (REPOSITORY / "integrations").glob("*/__init__.py")}
CORE = {file.parent.name for file in (REPOSITORY / "baserun_core").glob("*/__init__.py")}
EXAMPLES = {"baserun_chat"}
"""What `baserun demo` runs."""


@pytest.fixture(scope="module")
def linter() -> dict[str, Any]:
    """The table `tool.importlinter` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
    return table


def test_every_package_is_looked_at(linter: dict[str, Any]) -> None:
    """A package that is not named would be free to import anything."""
    assert set(linter["root_packages"]) == CORE | INTEGRATIONS | EXAMPLES


def test_every_integration_is_kept_from_the_others(linter: dict[str, Any]) -> None:
    """Integrations can move out one by one because none imports another."""
    (independent,) = (contract for contract in linter["contracts"] if contract["type"] == "independence")

    assert set(independent["modules"]) == INTEGRATIONS


def test_the_core_is_kept_from_every_integration(linter: dict[str, Any]) -> None:
    """The core works without any integration because it imports none."""
    kept_from = {
        module
        for contract in linter["contracts"]
        if contract["type"] == "forbidden" and contract["source_modules"] == ["baserun"]
        for module in contract["forbidden_modules"]
    }

    assert kept_from >= INTEGRATIONS
