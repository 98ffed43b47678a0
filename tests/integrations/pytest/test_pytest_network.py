"""The closed network: no packet leaves this machine, and no name is looked up elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from baserun_pytest._network import closed_network, is_here

AWAY = ("192.0.2.1", 9)  # reserved for documentation: no host has it
AWAY_6 = ("2001:db8::1", 9, 0, 0)
NAME = "provider.invalid"
TCP, UDP, UDP_6 = (
    (socket.AF_INET, socket.SOCK_STREAM),
    (socket.AF_INET, socket.SOCK_DGRAM),
    (socket.AF_INET6, socket.SOCK_DGRAM),
)


def on(kind: tuple[int, int], method: str, *arguments: Any) -> Callable[[], object]:
    """Call a method of a new socket."""

    def call() -> object:
        with socket.socket(*kind) as opened:
            opened.settimeout(5)
            return getattr(opened, method)(*arguments)

    return call


def in_loop(method: str, *arguments: Any, **options: Any) -> Callable[[], object]:
    """Await a method of an event loop."""

    async def call() -> object:
        return await getattr(asyncio.get_running_loop(), method)(*arguments, **options)

    return lambda: asyncio.run(call())


async def _send_by_transport() -> None:
    refused: list[Exception] = []

    class Told(asyncio.DatagramProtocol):
        def error_received(self, exc: Exception) -> None:
            refused.append(exc)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Told, ("127.0.0.1", 0))
    transport.sendto(b"x", AWAY)
    transport.close()
    raise refused[0]


REFUSED: dict[str, Callable[[], object]] = {
    "connect": on(TCP, "connect", AWAY),
    "connect by name": on(TCP, "connect", (NAME, 443)),
    "connect by bytes": on(TCP, "connect", (NAME.encode(), 443)),
    "connect_ex": on(TCP, "connect_ex", AWAY),
    "connect a datagram socket": on(UDP, "connect", AWAY),
    "sendto": on(UDP, "sendto", b"x", AWAY),
    "sendto with flags": on(UDP, "sendto", b"x", 0, AWAY),
    "sendto IPv6": on(UDP_6, "sendto", b"x", AWAY_6),
    "broadcast": on(UDP, "sendto", b"x", ("<broadcast>", 9)),
    "sendmsg": on(UDP, "sendmsg", [b"x"], [], 0, AWAY),
    "create_connection": lambda: socket.create_connection((NAME, 443)),
    "getaddrinfo": lambda: socket.getaddrinfo(NAME, 443),
    "getaddrinfo by keyword": lambda: socket.getaddrinfo(host=NAME, port=443),
    "getaddrinfo by bytes": lambda: socket.getaddrinfo(NAME.encode(), 443),
    "gethostbyname": lambda: socket.gethostbyname(NAME),
    "gethostbyname_ex": lambda: socket.gethostbyname_ex(NAME),
    "a loop's connection": in_loop("create_connection", asyncio.Protocol, *AWAY),
    "a loop's connection by name": in_loop("create_connection", asyncio.Protocol, NAME, 443),
    "a loop's datagrams": in_loop("create_datagram_endpoint", asyncio.DatagramProtocol, remote_addr=AWAY),
    "a loop's datagram": lambda: asyncio.run(_send_by_transport()),
}


@pytest.mark.parametrize("way", REFUSED)
def test_nothing_leaves_this_machine(way: str) -> None:
    """Connections, datagrams and look-ups of names, plain or in an event loop, fail: the network is closed."""
    with closed_network(), pytest.raises(OSError, match="the network is closed"):
        REFUSED[way]()


def test_this_machine_can_be_reached(tmp_path: Path) -> None:
    """This machine is reachable by address and name, by datagram and Unix socket; servers may listen on any address."""
    with closed_network(), socket.create_server(("", 0)) as server, socket.socket(*UDP) as receiver:
        port = server.getsockname()[1]
        for host in ("127.0.0.1", "localhost", "0.0.0.0"):
            socket.create_connection((host, port)).close()
        receiver.bind(("127.0.0.1", 0))
        with socket.socket(*UDP) as sender:
            sender.sendto(b"plain", receiver.getsockname())
            sender.sendmsg([b"in parts"], [], 0, receiver.getsockname())
            sender.connect(receiver.getsockname())
            sender.sendmsg([b"connected"])
        with socket.socket(socket.AF_UNIX) as here, socket.socket(socket.AF_UNIX) as visitor:
            here.bind(str(tmp_path / "s"))
            here.listen()
            visitor.connect(str(tmp_path / "s"))

        assert [receiver.recv(100) for _ in range(3)] == [b"plain", b"in parts", b"connected"]
        assert socket.getaddrinfo(None, port)
        assert socket.getaddrinfo("192.0.2.1", port)  # a numeric address needs no look-up


def test_what_this_machine_calls_itself_is_looked_up() -> None:
    """Looking up the machine's own name gives the same result as without us, even if that is an error."""

    def answer() -> str:
        try:
            return socket.gethostbyname(socket.gethostname())
        except OSError as error:
            return str(error)

    with closed_network():
        meanwhile = answer()

    assert meanwhile == answer()


def test_all_is_as_it_was_afterwards() -> None:
    """Afterwards the socket class and module have exactly the attributes that they had."""
    before = dict(vars(socket.socket)), dict(vars(socket))

    with closed_network():
        pass

    assert (dict(vars(socket.socket)), dict(vars(socket))) == before


HERE = ["", "localhost", "LOCALHOST.", "app.localhost", "127.8.8.8", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"]
ELSEWHERE = ["localhost.evil.invalid", "example", "10.0.0.1", "fe80::1%lo", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("host", [*HERE, *ELSEWHERE])
def test_which_hosts_are_this_machine(host: str) -> None:
    """This machine is its loopback addresses in every notation, and names that can only mean them."""
    assert is_here(host) is (host in HERE)
