"""The contracts on the direction of imports cover every package."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
INTEGRATIONS = {file.parent.name for file in (REPOSITORY / "integrations").glob("*/__init__.py")}
CORE = {file.parent.name for file in (REPOSITORY / "baserun_core").glob("*/__init__.py")}
EXAMPLES = {"baserun_chat"}
"""The application of `baserun demo`."""


@pytest.fixture(scope="module")
def linter() -> dict[str, Any]:
    """The table `tool.importlinter` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
    return table


def test_every_package_is_looked_at(linter: dict[str, Any]) -> None:
    """Every package is checked: one that is not named could import anything."""
    assert set(linter["root_packages"]) == CORE | INTEGRATIONS | EXAMPLES


def test_every_integration_is_kept_from_the_others(linter: dict[str, Any]) -> None:
    """No integration may import another, so that each can move out."""
    (independent,) = (contract for contract in linter["contracts"] if contract["type"] == "independence")

    assert set(independent["modules"]) == INTEGRATIONS


def test_the_core_is_kept_from_every_integration(linter: dict[str, Any]) -> None:
    """The core may import no integration, so that it works without any."""
    kept_from = {
        module
        for contract in linter["contracts"]
        if contract["type"] == "forbidden" and contract["source_modules"] == ["baserun"]
        for module in contract["forbidden_modules"]
    }

    assert kept_from >= INTEGRATIONS
