"""The plugin has no effect while it is not used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WATCHED = """
import json, sys
import pytest

code = pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]])
loaded = sorted(name for name in sys.modules if name.partition(".")[0] in WATCHED)
print()
print(json.dumps({"code": code, "loaded": loaded}))
""".replace("WATCHED", "('baserun', 'baserun_pytest', 'baserun_openai', 'openai', 'msgspec', 'httpx', 'httpx2')")


def loaded_by(folder: Path, *arguments: str) -> Any:
    """Run pytest with every installed plugin; return its exit code and the watched modules loaded at its end."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    command = [sys.executable, "-c", WATCHED, *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain")
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    (folder / "test_plain.py").write_text("def test_nothing():\n    pass\n")
    return folder


def test_is_loaded_by_its_entry_point_alone(folder: Path) -> None:
    """A run that does not use Baserun loads only the plugin's module, and no client of a model."""
    answer = loaded_by(folder)

    assert answer == {"code": 0, "loaded": ["baserun_pytest", "baserun_pytest.plugin"]}


def test_leaves_no_file(folder: Path) -> None:
    """A run that does not use Baserun leaves no file."""
    loaded_by(folder)

    assert sorted(path.name for path in folder.iterdir() if path.name != "__pycache__") == [
        "pytest.ini",
        "test_plain.py",
    ]
