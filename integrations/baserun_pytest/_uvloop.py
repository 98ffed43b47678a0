"""Closing the network for uvloop, whose event loop opens connections without Python's sockets."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from baserun_pytest._patch import patched


@contextmanager
def guarded_loop(check_name: Callable[[Any], None], check_address: Callable[[Any], None]) -> Iterator[None]:
    """Check names and addresses in loops of uvloop, if installed; sending on a datagram transport is not checked."""

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
    """Return uvloop's loop class, if installed: a test may begin to use it later. Warnings are not ours to report."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return [importlib.import_module("uvloop").Loop]
    except ImportError:
        return []
