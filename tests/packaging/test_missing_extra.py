"""The command line without the extra that it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

WITHOUT = "import sys; sys.modules[{package!r}] = None; from baserun.cli import main; main()"


@pytest.mark.parametrize("package", ["click", "rich"])
def test_command_line_says_what_to_install(package: str) -> None:
    """Without its extra `baserun` names the missing package and the pip command, and shows no traceback."""
    answer = subprocess.run([sys.executable, "-c", WITHOUT.format(package=package)], capture_output=True, text=True)

    assert answer.returncode == 1
    assert 'pip install ".[cli]"' in answer.stderr
    assert "Traceback" not in answer.stderr
