"""`baserun demo --local-model` chats with the model of its extra."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import baserun

pytest.importorskip("llama_cpp")

COMMAND = [sys.executable, "-c", "from baserun.cli import main; main()", "demo"]
PATIENCE = 180  # seconds; the model has to be loaded


@pytest.fixture(name="addresses")
def _addresses(tmp_path: Path) -> Iterator[dict[str, str]]:
    log_path = tmp_path / "log.txt"
    with log_path.open("wb") as log:
        options = ["--local-model", "--no-browser", "--port", "0"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
        process = subprocess.Popen([*COMMAND, *options], cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C" not in log_path.read_text():
            assert process.poll() is None, log_path.read_text()
            assert time.monotonic() < deadline, log_path.read_text()
            time.sleep(0.2)
        lines = [line.split() for line in log_path.read_text().splitlines()]
        yield {line[0]: line[1] for line in lines}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(PATIENCE)


def test_the_model_on_this_machine_answers(addresses: dict[str, str]) -> None:
    """A message is answered by the local model as a stream, and recorded under the model's name."""
    with httpx.Client(base_url=addresses["chat"], timeout=PATIENCE) as browser:
        browser.post("/login", data={"email": "you@example.com"})
        with browser.stream("POST", "/messages", json={"message": "Say hello."}) as response:
            first = next(response.iter_lines())

    assert "text" in first
    store = baserun.open_store(addresses["store"])
    deadline = time.monotonic() + PATIENCE
    while not (calls := list(store.traces(user=baserun.hash_user("you@example.com"), model="smollm2"))):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    store.close()
    assert [trace.name for trace in calls] == ["POST /messages"]
