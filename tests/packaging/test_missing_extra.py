"""The command line and the pages without their extras."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = "import sys; sys.modules[{package!r}] = None; from baserun.cli import main; main()"


@pytest.mark.parametrize("package", ["click", "rich"])
def test_command_line_says_what_to_install(package: str) -> None:
    """Without its extra the command `baserun` shows the pip command and no traceback."""
    answer = subprocess.run([sys.executable, "-c", WITHOUT.format(package=package)], capture_output=True, text=True)

    assert answer.returncode == 1
    assert 'pip install ".[cli]"' in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("package", ["jinja2", "rich"])
def test_pages_say_what_to_install(package: str) -> None:
    """Importing the pages without their extra raises an error with the package and the pip command."""
    code = f"import sys; sys.modules[{package!r}] = None; import baserun_monitor"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    (*_, last) = answer.stderr.splitlines()
    assert last.startswith("baserun.exceptions.MissingExtraError: The pages need the package ")
    assert last.endswith('pip install ".[monitor]"')
