"""The closed network under uvloop, whose loops do not use Python's sockets."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from baserun_pytest._network import closed_network

uvloop = pytest.importorskip("uvloop")

AWAY = ("192.0.2.1", 9)
NAME = "provider.invalid"


def run(method: str, *arguments: Any, **options: Any) -> Any:
    """Await a method of a uvloop loop."""

    async def call() -> Any:
        return await getattr(asyncio.get_running_loop(), method)(*arguments, **options)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(call())


@pytest.mark.parametrize(
    "arguments",
    [
        ("create_connection", asyncio.Protocol, *AWAY),
        ("create_connection", asyncio.Protocol, NAME, 443),
        ("getaddrinfo", NAME, 443),
    ],
    ids=["connection", "connection by name", "name"],
)
def test_nothing_leaves_this_machine(arguments: tuple[Any, ...]) -> None:
    """Connections and look-ups of names fail: the network is closed."""
    with closed_network(), pytest.raises(OSError, match="the network is closed"):
        run(*arguments)


def test_a_socket_of_ones_own_is_refused() -> None:
    """`sock_connect` with the application's own socket fails too."""
    with closed_network(), socket.socket() as opened, pytest.raises(OSError, match="the network is closed"):
        opened.setblocking(False)
        run("sock_connect", opened, AWAY)


def test_this_machine_can_be_reached() -> None:
    """Connections to this machine and look-ups of its names work."""

    class Visitor(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transport.close()

    with closed_network(), socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        run("create_connection", Visitor, "127.0.0.1", port=port)
        run("create_connection", Visitor, host="localhost", port=port)

        with server.accept()[0] as visited:
            assert visited.recv(1) == b""
        assert run("getaddrinfo", "localhost", port, type=socket.SOCK_STREAM)


def test_all_is_as_it_was_afterwards() -> None:
    """Afterwards the loop class has exactly the attributes that it had."""
    before = dict(vars(uvloop.Loop))

    with closed_network():
        pass

    assert dict(vars(uvloop.Loop)) == before
