"""The network, closed for the length of a test."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def closed_network() -> Iterator[None]:
    """Refuse connections to anywhere but this machine."""
    originals = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    for name, original in originals.items():
        setattr(socket.socket, name, _guarded(original))
    try:
        yield
    finally:
        for name, original in originals.items():
            setattr(socket.socket, name, original)


def _guarded(original: Callable[..., Any]) -> Callable[..., Any]:
    def connect(self: socket.socket, address: Any) -> Any:
        is_in_file_system = not isinstance(address, tuple) or not address
        if not is_in_file_system and not is_here(str(address[0])):
            raise ConnectionRefusedError(
                f"A connection to {address[0]}:{address[1]} was refused: the network is closed in a test that is "
                "replayed, and only this machine can be reached."
            )
        return original(self, address)

    return connect


def is_here(host: str) -> bool:
    """Whether a host, as a name or number, is this machine."""
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
