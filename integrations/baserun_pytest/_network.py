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
        if not _is_here(address):
            raise ConnectionRefusedError(
                f"A connection to {address[0]}:{address[1]} was refused: the network is closed in a test that is "
                "replayed, and only this machine can be reached."
            )
        return original(self, address)

    return connect


def _is_here(address: Any) -> bool:
    if not isinstance(address, tuple) or not address:
        return True  # a socket in the file system
    host = address[0]
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False
