"""Patching the client: three methods of the base classes of every client.

``request`` is one logical call, whatever called it and however often it is retried. Within it, ``_build_request``
returns each request that is sent, and ``_process_response`` gets the response for the caller. They are patched on the
classes, so clients, copies and subclasses are recorded whether made before or after.
"""

from __future__ import annotations

import functools
import importlib
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FunctionType
from typing import Any

from baserun_openai._current import answered, begin, leave, sent

Function = Callable[..., Any]

_MARK = "_is_of_baserun"
"""An attribute of our wrappers that is visible through the wrappers that other tools put around them."""

_lock = threading.Lock()
_is_on = False
_patches: dict[tuple[type, str], _Patch] = {}


def instrument() -> None:
    """Record the calls of every client of the `openai` package.

    Calling it again has no effect, unless another tool has removed our wrappers with its own: then it restores them.
    """
    global _is_on
    _import_http_library_of_prices()
    with _lock:
        for owner, name, wrap in _places():
            _patches.setdefault((owner, name), _Patch(owner, name, wrap)).apply()
        _is_on = True


def uninstrument() -> None:
    """Stop recording, and restore the methods of the client.

    A method that another tool has wrapped since keeps our wrapper inside, which from now on only passes calls on.
    """
    global _is_on
    with _lock:
        _is_on = False
        for patch in reversed(_patches.values()):
            patch.undo()


def _import_http_library_of_prices() -> None:
    # The writer's thread would import it with the first price. Version 2 of the client, which uses another library,
    # checks at every call whether this one is in `sys.modules`, and fails if it is only partly imported.
    if "openai._httpx2" in sys.modules:
        with suppress(ImportError):
            importlib.import_module("httpx2")


class _Patch:
    """One method of one class, and the wrapper that replaces it."""

    def __init__(self, owner: type, name: str, wrap: Callable[[Function], Function]) -> None:
        self._owner = owner
        self._name = name
        self._wrap = wrap
        self._original: Function | None = None
        self._wrapper: Function | None = None

    def apply(self) -> None:
        """Install the wrapper, unless it is installed already, perhaps inside another tool's wrapper."""
        present = self._owner.__dict__.get(self._name)
        if present is not None and not getattr(present, _MARK, False):
            self._original = present
            self._wrapper = self._wrap(_as_function(present))
            setattr(self._wrapper, _MARK, True)
            setattr(self._owner, self._name, self._wrapper)

    def undo(self) -> None:
        """Restore the original, unless another tool's wrapper would be lost with ours."""
        if self._wrapper is not None and self._owner.__dict__.get(self._name) is self._wrapper:
            setattr(self._owner, self._name, self._original)
            self._wrapper = self._original = None


def _places() -> list[tuple[type, str, Callable[[Function], Function]]]:
    from openai import AsyncOpenAI, OpenAI
    from openai._base_client import AsyncAPIClient, BaseClient, SyncAPIClient

    places: list[tuple[type, str, Callable[[Function], Function]]] = [
        (BaseClient, "_build_request", _build_request),
        (SyncAPIClient, "_process_response", _process_response),
        (AsyncAPIClient, "_process_response", _process_response_async),
        (SyncAPIClient, "request", _request),
        (AsyncAPIClient, "request", _request_async),
    ]
    # These inherit the method, unless another tool patched them, with a wrapper of what was there before ours.
    overridden = [(OpenAI, "request", _request), (AsyncOpenAI, "request", _request_async)]
    return places + [place for place in overridden if "request" in place[0].__dict__]


def _as_function(method: Any) -> Function:
    """Return `method` as a function: other tools install objects that must be bound to get the client."""
    if type(method) is FunctionType:  # not `isinstance`: such objects may imitate functions
        return method

    @functools.wraps(method)
    def function(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method.__get__(self, type(self))(*args, **kwargs)

    return function


def _request(original: Function) -> Function:
    @functools.wraps(original)
    def request(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        call = begin(self, options) if _is_on else None
        if call is None:
            return original(self, cast_to, options, *args, **kwargs)
        try:
            result = original(self, cast_to, call.options, *args, **kwargs)
        except BaseException as error:
            leave(call, error)
            raise
        leave(call)
        return result

    return request


def _request_async(original: Function) -> Function:
    @functools.wraps(original)
    async def request(self: Any, cast_to: Any, options: Any, *args: Any, **kwargs: Any) -> Any:
        call = begin(self, options) if _is_on else None
        if call is None:
            return await original(self, cast_to, options, *args, **kwargs)
        try:
            result = await original(self, cast_to, call.options, *args, **kwargs)
        except BaseException as error:
            leave(call, error)
            raise
        leave(call)
        return result

    return request


def _build_request(original: Function) -> Function:
    @functools.wraps(original)
    def build_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        request = original(self, *args, **kwargs)
        sent(request)
        return request

    return build_request


def _process_response(original: Function) -> Function:
    @functools.wraps(original)
    def process_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        answered(kwargs.get("response"), kwargs.get("retries_taken"))
        return original(self, *args, **kwargs)

    return process_response


def _process_response_async(original: Function) -> Function:
    @functools.wraps(original)
    async def process_response(self: Any, *args: Any, **kwargs: Any) -> Any:
        answered(kwargs.get("response"), kwargs.get("retries_taken"))
        return await original(self, *args, **kwargs)

    return process_response
