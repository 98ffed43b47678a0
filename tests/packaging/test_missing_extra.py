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


def test_pages_say_what_to_install() -> None:
    """Importing the pages without their extra raises an error with the package and the pip command."""
    code = "import sys; sys.modules['jinja2'] = None; import baserun_monitor"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    (*_, last) = answer.stderr.splitlines()
    assert last.startswith("baserun.exceptions.MissingExtraError: The pages need the package jinja2, ")
    assert last.endswith('pip install ".[monitor]"')


def test_pages_need_nothing_of_the_command_line() -> None:
    """An application that mounts the pages needs neither click nor rich."""
    pytest.importorskip("jinja2")
    code = "import sys; sys.modules.update(click=None, rich=None); import baserun_monitor"

    subprocess.run([sys.executable, "-c", code], check=True)
