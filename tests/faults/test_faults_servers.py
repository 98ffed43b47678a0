"""Real servers that fork and are ended by signals: records of requests are stored."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gunicorn  # type: ignore[import-untyped]
import pytest
import uvicorn

from waiting import eventually

Messages = Callable[[], list[str]]
Work = Callable[[int], None]
Serve = Callable[[list[str], str, Work, str], None]

WSGI = """
import os
import baserun

baserun.init(store=os.environ["STORE"], flush_interval=float(os.environ["INTERVAL"]))
with baserun.with_session(session_identifier="preload"):
    baserun.log("loaded")

def app(environ, start_response):
    with baserun.with_session(session_identifier=f"worker {os.getpid()}"):
        baserun.log(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

ASGI = """
import os
import baserun

baserun.init(store=os.environ["STORE"], flush_interval=float(os.environ["INTERVAL"]))

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and os.environ["INTERVAL"] != "0.05":
                baserun.flush(60)
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    with baserun.with_session(session_identifier="s"):
        baserun.log(scope["path"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""

CONFIGURATION = """
import pathlib

def post_worker_init(worker):
    pathlib.Path(f"booted-{worker.pid}").touch()
"""
"""Notes when a worker has booted: before that it misses the signal to end, and gunicorn waits for its full grace."""

GUNICORN = [sys.executable, "-m", gunicorn.__name__, "--no-control-socket", "--graceful-timeout", "60"]
UVICORN = [sys.executable, "-m", uvicorn.__name__, "--log-level", "warning"]


def _get(port: int, path: str) -> str:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                return str(answer.read().decode())
        except OSError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)


@pytest.fixture(name="serve")
def _serve(tmp_path: Path, path: Path, free_port: Callable[[], int]) -> Serve:
    """Return a function that runs a server, lets `work` send requests, and ends it by SIGTERM."""

    def serve(command: list[str], program: str, work: Work, interval: str) -> None:
        (tmp_path / "served.py").write_text(program)
        (tmp_path / "gunicorn.conf.py").write_text(CONFIGURATION)
        port = free_port()
        address = ["--bind", f"127.0.0.1:{port}"] if "gunicorn" in command else ["--port", str(port)]
        process = subprocess.Popen(
            [*command, *address, "served:app"],
            cwd=tmp_path,
            env={"STORE": str(path), "INTERVAL": interval, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            work(port)
            process.send_signal(signal.SIGTERM)
            process.wait(120)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    return serve


@pytest.mark.parametrize("options", ["--workers=1", "--workers=2 --preload", "--worker-class=gthread --threads=4"])
def test_gunicorn(serve: Serve, tmp_path: Path, messages: Messages, options: str) -> None:
    """Workers of gunicorn write their queued records when ended, and those of a preloaded master are stored once."""
    served = set()

    def work(port: int) -> None:
        for number in range(20):
            served.add(_get(port, f"/{number}"))
        eventually(lambda: len(list(tmp_path.glob("booted-*"))) == (2 if "--workers=2" in options else 1))

    serve([*GUNICORN, *options.split()], WSGI, work, "60")

    stored = messages()
    assert served
    assert sorted(text for text in stored if text != "loaded") == sorted(f"/{number}" for number in range(20))
    assert stored.count("loaded") == 1


def test_uvicorn_with_a_flush_at_its_shutdown(serve: Serve, messages: Messages) -> None:
    """An application under uvicorn that flushes at its lifespan's shutdown loses nothing without exit handlers."""

    def work(port: int) -> None:
        for number in range(20):
            _get(port, f"/{number}")

    serve(UVICORN, ASGI, work, "60")

    assert messages() == sorted(f"/{number}" for number in range(20))


def test_uvicorn_without_a_flush(serve: Serve, path: Path, messages: Messages) -> None:
    """Under uvicorn a record is written after the flush interval, and is still stored after the server's end."""

    def work(port: int) -> None:
        _get(port, "/first")
        eventually(lambda: path.exists() and messages() == ["/first"])

    serve(UVICORN, ASGI, work, "0.05")

    assert messages() == ["/first"]
