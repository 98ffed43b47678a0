"""The two servers: one for who watches, and one that the visitors talk to."""

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
"""How long the end waits for pages that follow the store, which would never leave."""
START_SECONDS = 30


def listen(port: int | None) -> socket.socket:
    """Take the port, or a free one if none was asked for and the usual one is taken.

    Raises:
        DemoError: The port that was asked for is taken.
    """
    try:
        return socket.create_server((HOST, DEFAULT_PORT if port is None else port))
    except OSError as error:
        if port is None:
            return socket.create_server((HOST, 0))
        raise DemoError(f"Port {port} cannot be used ({error.strerror}). Choose another one with --port.") from None


def address_of(listener: socket.socket) -> str:
    """Where a browser finds it."""
    return f"http://{HOST}:{listener.getsockname()[1]}"


def serve(app: ASGIApp, listener: socket.socket, started: Callable[[], None]) -> None:
    """Serve in this thread until its terminal closes, or until Ctrl-C or SIGTERM, which arrives again at the end."""
    server = _server(app)

    def leave(*_: object) -> None:
        server.should_exit = True

    if hasattr(signal, "SIGHUP"):  # of which uvicorn knows nothing
        signal.signal(signal.SIGHUP, leave)
    threading.Thread(target=_tell_start, args=(server, started), name="baserun-demo-start", daemon=True).start()
    server.run(sockets=[listener])


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve in another thread; the address."""
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
