"""The two servers of the demo: one with chat and pages for the user, and one for the simulated visitors."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from baserun.cli._serving import end_quietly
from baserun_demo._options import DEFAULT_PORT, DemoError

HOST = "127.0.0.1"
GRACE_SECONDS = 1
"""Seconds that shutdown waits for open connections; those of live pages would never close by themselves."""
START_SECONDS = 30


def listen(port: int | None) -> socket.socket:
    """Listen on `port`; if it is None, on the default port or, if that is taken, on any free one.

    Raises:
        DemoError: `port` cannot be used.
    """
    try:
        return socket.create_server((HOST, DEFAULT_PORT if port is None else port))
    except OSError as error:
        if port is None:
            return socket.create_server((HOST, 0))
        raise DemoError(f"Port {port} cannot be used ({error.strerror}). Choose another one with --port.") from None


def address_of(listener: socket.socket) -> str:
    """Return the URL at which a browser reaches the socket."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


def serve(app: ASGIApp, listener: socket.socket, started: Callable[[], None]) -> None:
    """Serve in this thread until the terminal closes, Ctrl-C or SIGTERM; uvicorn raises the last two once more."""
    server = _server(app)

    def leave(*_: object) -> None:
        server.should_exit = True

    if hasattr(signal, "SIGHUP"):  # which uvicorn does not handle
        signal.signal(signal.SIGHUP, leave)
    threading.Thread(target=_tell_start, args=(server, started), name="baserun-demo-start", daemon=True).start()
    server.run(sockets=[listener])


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve in another thread during the block, whose value is the URL."""
    listener = socket.create_server((HOST, 0))
    server = _server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="baserun-demo", daemon=True)
    thread.start()
    try:
        yield address_of(listener)
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()


def _server(app: ASGIApp) -> uvicorn.Server:
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS)
    )
    end_quietly()
    return server


def _tell_start(server: uvicorn.Server, started: Callable[[], None]) -> None:
    waiting = threading.Event()
    for _ in range(START_SECONDS * 20):
        if server.started:
            started()
            return
        waiting.wait(0.05)
