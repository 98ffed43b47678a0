"""Small projects whose tests are run by pytest in another process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import openai
import pytest

import baserun
from baserun.store import Store

__all__ = ["openai"]  # without the client there is nothing to record

INI = "[pytest]\nfilterwarnings = error\n"
ASYNCIO = ("-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function")

APP = """
import openai

SYSTEM = "You are kind."


def messages(text):
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


def ask(text="Hello", **more):
    with openai.OpenAI() as client:
        answer = client.chat.completions.create(model="gpt-4o-mini", messages=messages(text), **more)
        return answer.choices[0].message.content


async def ask_async(text="Hello"):
    async with openai.AsyncOpenAI() as client:
        answer = await client.chat.completions.create(model="gpt-4o-mini", messages=messages(text))
        return answer.choices[0].message.content


def stream(text="Hello"):
    with openai.OpenAI() as client:
        chunks = client.chat.completions.create(model="gpt-4o-mini", messages=messages(text), stream=True)
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
"""


class Case(NamedTuple):
    """One test in the JUnit file."""

    outcome: str
    text: str
    properties: dict[str, str]


class Run(NamedTuple):
    """The result of one run of pytest."""

    code: int
    output: str
    cases: dict[str, Case]


class Project:
    """A folder with tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("pytest.ini", INI)
        self.write("app.py", APP)

    def write(self, name: str, text: str) -> None:
        """Write a file in the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))

    def run(self, *arguments: str, plugins: tuple[str, ...] = (), **environment: str) -> Run:
        """Run the tests in another process, with our plugin and `plugins`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
        env = {**inherited, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(self.folder), **environment}
        loaded = [part for plugin in ("baserun_pytest.plugin", *plugins) for part in ("-p", plugin)]
        asyncio = ASYNCIO if "pytest_asyncio.plugin" in plugins else ()
        always = ("-p", "no:cacheprovider", "--junitxml=junit.xml", *asyncio)
        command = [sys.executable, "-m", "pytest", *loaded, *always, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=300)
        return Run(done.returncode, done.stdout + done.stderr, _cases(self.folder / "junit.xml"))

    def store(self, name: str = "store.sqlite3") -> Store:
        """Open the store that a run has recorded to."""
        return baserun.open_store(self.folder / name, budget=None)

    def tests(self, store: Store | None = None) -> dict[str, Any]:
        """Return the recorded traces of tests, by the part of their name after the file."""
        store = store or self.store()
        traces = [store.trace(row.id) for row in store.traces(limit=1000) if row.kind == "test"]
        return {trace.name.partition("::")[2]: trace for trace in traces if trace is not None}


def _cases(path: Path) -> dict[str, Case]:
    if not path.exists():
        return {}
    found: dict[str, Case] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        ends = {child.tag: f"{child.get('message')}\n{child.text}" for child in case if child.tag != "properties"}
        ends = {tag: text for tag, text in ends.items() if tag in ("failure", "error", "skipped")}
        outcome, text = next(iter(ends.items()), ("passed", ""))
        values = {str(each.get("name")): str(each.get("value")) for each in case.iter("property")}
        found[str(case.get("name"))] = Case(outcome, text, values)
    return found


@pytest.fixture(scope="module", name="new_project")
def _new_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Project]:
    """A function that makes projects which outlive a test, so that all tests of a module can look at one run."""
    return lambda: Project(tmp_path_factory.mktemp("project"))


@pytest.fixture(name="project")
def _project(new_project: Callable[[], Project]) -> Project:
    """A new project."""
    return new_project()
