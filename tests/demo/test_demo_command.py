"""Starting and ending the demo."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from baserun.testing import OfflineModel

RUN = "from baserun.cli import main; main()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left(start: Any, number: int) -> None:
    """Ended by Ctrl-C, SIGTERM or SIGHUP, the demo removes its files, exits with 0 and prints no traceback."""
    demo = start()
    assert demo.store.parent.exists()

    code = demo.end(number)

    assert code == 0
    assert not demo.store.parent.exists()
    assert list(demo.folder.iterdir()) == []
    assert "Traceback" not in demo.said


def test_kept_is_what_was_recorded(start: Any) -> None:
    """With --keep the store stays, complete."""
    demo = start("--keep")
    demo.eventually(lambda: demo.sessions("ben"))

    demo.end()

    assert demo.store == demo.folder / "baserun-demo" / "baserun.sqlite3"
    assert [session.traces[0].name for session in demo.sessions("ben")] == ["POST /messages"]


def test_the_provider_answers_you_and_nobody_else(start: Any) -> None:
    """With a provider configured, your messages go to it, and those of the simulated visitors never do."""
    with OfflineModel(reply=lambda messages: "the provider says hello") as provider:
        demo = start(**provider.environment())
        demo.traces("ben", 3)

        answer = demo.chat("you", "hello")

        assert [request.json["messages"][-1]["content"] for request in provider.requests] == ["hello"]
        assert answer == "the provider says hello"


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    """If the given port is taken, the demo says so and exits with 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = run(RUN, "--port", str(port))

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"baserun: Port {port} cannot be used")


@pytest.mark.parametrize("package", ["jinja2", "openai", "python_multipart", "starlette", "uvicorn"])
def test_a_missing_package_is_named(package: str) -> None:
    """Without a package of its extra, the demo names it and the pip command."""
    answer = run(f"import sys; sys.modules[{package!r}] = None; {RUN}")

    assert answer.returncode == 1
    assert package in answer.stderr
    assert 'pip install ".[demo]"' in answer.stderr


def test_a_missing_local_model_is_told() -> None:
    """Without the extra of the local model, the demo shows the pip command and does not start."""
    answer = run(f"import sys; sys.modules['llama_cpp'] = None; {RUN}", "--local-model", "--port", "0")

    assert answer.returncode == 1
    assert 'pip install ".[demo,local-model]"' in answer.stderr


def run(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, "demo", *options], capture_output=True, text=True, timeout=90, check=False
    )
