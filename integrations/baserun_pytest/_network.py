"""Closing the network during a test."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from baserun_pytest._patch import Wrap, patched
from baserun_pytest._uvloop import guarded_loop

_CLOSED = "the network is closed in a test that is replayed, and only this machine can be reached."
_ADDRESS_AT = {"connect": 0, "connect_ex": 0, "sendto": -1, "sendmsg": 3}
"""Methods of a socket, and the position of the address among their arguments."""
_LOOK_UPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")
_NAMES_FILE = Path("/etc/hosts")


@contextmanager
def closed_network() -> Iterator[None]:
    """Refuse connections to other machines, and look-ups of names that this machine does not know itself."""
    names = _names_here()

    def check_name(host: Any) -> None:
        if not _is_known_here(_text(host), names):
            raise socket.gaierror(socket.EAI_NONAME, f"{_text(host)} was not looked up: {_CLOSED}")

    with ExitStack() as stack:
        for name, position in _ADDRESS_AT.items():
            stack.enter_context(patched(socket.socket, name, _guarding(position)))
        for name in _LOOK_UPS:
            stack.enter_context(patched(socket, name, _looking_up(check_name)))
        stack.enter_context(guarded_loop(check_name, _check_address))
        yield


def is_here(host: str) -> bool:
    """Whether a host, given as a name or an address, is this machine."""
    name = host.lower().rstrip(".")
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    address = _number(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return address is not None and (address.is_loopback or address.is_unspecified)


def _guarding(position: int) -> Wrap:
    def wrap(original: Any) -> Callable[..., Any]:
        def reach(self: socket.socket, *arguments: Any) -> Any:
            for address in arguments[position:][:1]:
                _check_address(address)
            return original(self, *arguments)

        return reach

    return wrap


def _check_address(address: Any) -> None:
    """Refuse the address of another machine; one without a host is in the file system, or in the kernel."""
    host = address[0] if isinstance(address, tuple | list) and address else None
    if isinstance(host, str | bytes | bytearray) and not is_here(_text(host)):
        place = f"{_text(host)}:{address[1]}" if len(address) > 1 else _text(host)
        raise ConnectionRefusedError(f"{place} was not reached: {_CLOSED}")


def _looking_up(check_name: Callable[[Any], None]) -> Wrap:
    def wrap(original: Any) -> Callable[..., Any]:
        def look_up(*arguments: Any, **more: Any) -> Any:
            check_name(arguments[0] if arguments else more.get("host"))
            return original(*arguments, **more)

        return look_up

    return wrap


def _is_known_here(host: str, names: frozenset[str]) -> bool:
    return is_here(host) or _number(host) is not None or host.lower() in names


def _names_here() -> frozenset[str]:
    """Return the name of this machine, and the names in its hosts file."""
    try:
        lines = _NAMES_FILE.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    told = [name for line in lines for name in line.partition("#")[0].split()[1:]]
    return frozenset(name.lower() for name in (socket.gethostname(), *told))


def _number(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _text(host: Any) -> str:
    if isinstance(host, bytes | bytearray):
        return host.decode("utf-8", "replace")
    return "" if host is None else str(host)
