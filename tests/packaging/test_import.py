"""What `import baserun` does to a process: as good as nothing."""

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
    """What an import of Baserun did in an interpreter of its own."""
    answer = subprocess.run([sys.executable, "-c", WATCHED], capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def test_loads_two_small_libraries(effects: Any) -> None:
    """Of everything outside the standard library only msgspec and blinker are loaded."""
    loaded = {name.partition(".")[0] for name in effects["modules"]} - set(sys.stdlib_module_names)

    # msgspec takes typing_extensions where something else has installed it.
    assert loaded - {"typing_extensions"} == {"baserun", "msgspec", "blinker"}


@pytest.mark.parametrize("heavy", ["sqlite3", "asyncio", "http", "ssl", "socket", "email", "multiprocessing"])
def test_loads_no_heavy_part_of_the_standard_library(effects: Any, heavy: str) -> None:
    """What only a feature needs is loaded when the feature is used."""
    assert heavy not in effects["modules"]


def test_starts_no_thread(effects: Any) -> None:
    """The writer's thread starts with the first record."""
    assert effects["threads"] == ["MainThread"]


def test_opens_no_file(effects: Any) -> None:
    """The import reads Python code and nothing else."""
    assert effects["opened"] == []


def test_reads_no_variable_of_ours(effects: Any) -> None:
    """`BASERUN_*` is read at first use, so an application can still set it after its imports."""
    assert [name for name in effects["read"] if name.startswith("BASERUN_")] == []


def test_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """No store comes into being before something is recorded."""
    subprocess.run([sys.executable, "-c", "import baserun"], cwd=tmp_path, check=True)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("part", ["instrumentation", "signals", "store", "testing", "web"])
def test_offers_its_parts_when_they_are_asked_for(part: str) -> None:
    """What is in a part can be used without an import of its own."""
    program = f"import baserun; print(baserun.{part}.__name__)"

    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert answer.stdout == f"baserun.{part}\n"
