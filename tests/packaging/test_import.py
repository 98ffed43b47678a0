"""`import baserun` has almost no effects on the process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WATCHED = """
import json, os, sys, threading

before = set(sys.modules)
opened, read = [], []

def watch(event, arguments):
    if event == "open" and not str(arguments[0]).endswith((".py", ".pyc")):
        opened.append(str(arguments[0]))

environ_type = type(os.environ)
look_up = environ_type.__getitem__

def recorded(self, key):
    read.append(key)
    return look_up(self, key)

environ_type.__getitem__ = recorded
sys.addaudithook(watch)
import baserun
environ_type.__getitem__ = look_up

modules = sorted(set(sys.modules) - before)
threads = [thread.name for thread in threading.enumerate()]
print(json.dumps({"modules": modules, "threads": threads, "opened": opened, "read": read}))
"""


@pytest.fixture(scope="module")
def effects() -> Any:
    """The effects of importing Baserun in a new interpreter."""
    answer = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def test_loads_two_small_libraries(effects: Any) -> None:
    """Of everything outside the standard library only msgspec and blinker are loaded."""
    loaded = {name.partition(".")[0] for name in effects["modules"]} - set(sys.stdlib_module_names)

    # msgspec imports typing_extensions if it is installed.
    assert loaded - {"typing_extensions"} == {"baserun", "msgspec", "blinker"}


@pytest.mark.parametrize("heavy", ["sqlite3", "asyncio", "http", "ssl", "socket", "email", "multiprocessing"])
def test_loads_no_heavy_part_of_the_standard_library(effects: Any, heavy: str) -> None:
    """Heavy standard modules are not loaded: the features that need them load them."""
    assert heavy not in effects["modules"]


def test_starts_no_thread(effects: Any) -> None:
    """The import starts no thread."""
    assert effects["threads"] == ["MainThread"]


def test_opens_no_file(effects: Any) -> None:
    """The import opens no file but Python code."""
    assert effects["opened"] == []


def test_reads_no_variable_of_ours(effects: Any) -> None:
    """The import reads no `BASERUN_*` variable, so that an application can set them after its imports."""
    assert [name for name in effects["read"] if name.startswith("BASERUN_")] == []


def test_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """The import creates no file."""
    subprocess.run([sys.executable, "-c", "import baserun"], cwd=tmp_path, check=True)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", ["instrumentation", "signals", "store", "testing", "web"])
def test_offers_its_parts_when_they_are_asked_for(part: str) -> None:
    """Submodules can be used as attributes, without importing them."""
    program = f"import baserun; print(baserun.{part}.__name__)"

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout == f"baserun.{part}\n"
