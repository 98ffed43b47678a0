"""The documentation of the offline model is complete and its examples run."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from baserun.testing import Fault
from baserun.testing._offline.routes import ENDPOINTS

DOCUMENT = Path(__file__).parents[2] / "docs" / "testing.md"
SECTION = re.search(r"^## The offline model$.*?(?=^## |\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
TEXT = SECTION[0] if SECTION else ""


@pytest.mark.parametrize("name", [field.name for field in fields(Fault)])
def test_every_fault_is_documented(name: str) -> None:
    """The documentation names each field of a fault."""
    assert f"`{name}`" in TEXT


@pytest.mark.parametrize("path", [path for _, path in ENDPOINTS])
def test_every_endpoint_is_documented(path: str) -> None:
    """The documentation names each endpoint, at least by the last part of its path."""
    assert path in TEXT or f"/{path.rpartition('/')[2]}`" in TEXT


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_examples_run(code: str) -> None:
    """Each example runs unchanged."""
    pytest.importorskip("openai")

    exec(compile(code, str(DOCUMENT), "exec"), {"__name__": "example"})
