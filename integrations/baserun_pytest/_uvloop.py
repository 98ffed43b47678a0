"""The event loop of uvloop, which opens connections without the sockets of Python."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from baserun_pytest._patch import patched


@contextmanager
def guarded_loop(check_name: Callable[[Any], None], check_address: Callable[[Any], None]) -> Iterator[None]:
    """Let its loops ask first, if it is installed; what is written to a datagram transport does not pass here."""

    def creating(original: Any) -> Callable[..., Any]:
        async def create_connection(self: Any, factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
            check_address((host, port))
            return await original(self, factory, host, port, **more)

        return create_connection

    def looking_up(original: Any) -> Callable[..., Any]:
        async def getaddrinfo(self: Any, host: Any, port: Any, **more: Any) -> Any:
            check_name(host)
            return await original(self, host, port, **more)

        return getaddrinfo

    with ExitStack() as stack:
        for loop in _loops():
            stack.enter_context(patched(loop, "create_connection", creating))
            stack.enter_context(patched(loop, "getaddrinfo", looking_up))
        yield


def _loops() -> list[Any]:
    """Imported here, since a test may begin to use it later; what is wrong with it is not our business."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return [importlib.import_module("uvloop").Loop]
    except ImportError:
        return []
