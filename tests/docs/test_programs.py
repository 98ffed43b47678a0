"""The programs in the documentation run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import baserun
from baserun.testing import OfflineModel

pytest.importorskip("openai")

REPOSITORY = Path(__file__).parents[2]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
EXAMPLES = sorted((REPOSITORY / "docs" / "examples").glob("*.py"))


def program(page: Path) -> str:
    """Return the Python blocks of a page, joined."""
    return "\n\n".join(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL))


@pytest.fixture
def model() -> Iterator[OfflineModel]:
    """The offline model."""
    with OfflineModel() as server:
        yield server


def run(code: str, model: OfflineModel, folder: Path) -> str:
    """Run a program in `folder`, with `model` as the default provider; return its output."""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **model.environment()},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout


@pytest.mark.parametrize("page", [page for page in PAGES if program(page)], ids=lambda page: page.name)
def test_page_runs(page: Path, model: OfflineModel, tmp_path: Path) -> None:
    """The blocks of a page together are a program that runs without errors or warnings."""
    run(program(page), model, tmp_path)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example_runs(example: Path, model: OfflineModel, tmp_path: Path) -> None:
    """An example runs unchanged, from any folder."""
    run(example.read_text(), model, tmp_path)


def test_program_of_the_readme_is_recorded(model: OfflineModel, tmp_path: Path) -> None:
    """The first program of the README records one session of its user, with the call."""
    first, *_ = re.findall(r"```python\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.DOTALL)

    run(first, model, tmp_path)

    (session,) = baserun.open_store(tmp_path / ".baserun" / "baserun.sqlite3").sessions()
    assert session.user_identifier == baserun.hash_user("user@example.com")
    assert (session.traces, session.llm_calls, session.errors) == (1, 1, 0)
    assert session.first_input == 'Say "this is a test"'


DIAGNOSIS_PROGRAM = """
import openai

client = openai.OpenAI()
client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "my diagnosis"}])
client.responses.create(model="gpt-4o-mini", input="my diagnosis")
baserun.flush()
"""


def test_redaction_of_the_privacy_page_removes_what_users_said(model: OfflineModel, tmp_path: Path) -> None:
    """Its function finds the messages of a call under the path that the page names."""
    blocks = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "privacy.md").read_text(), re.DOTALL)
    (redaction,) = (block for block in blocks if "def redact" in block)

    run("import baserun\n" + redaction + DIAGNOSIS_PROGRAM, model, tmp_path)

    store = baserun.open_store(tmp_path / ".baserun" / "baserun.sqlite3")
    traces = [store.trace(trace.id) for trace in store.traces()]
    inputs = {str(span.input) for trace in traces if trace and trace.spans for span in trace.spans}
    assert inputs == {"[{'role': 'user', 'content': '[removed]'}]", "[removed]"}
    assert not any("my diagnosis" in hit.snippet.split(" · ")[0] for hit in store.search("diagnosis"))
