"""Where Baserun listens to the client: three methods of the base classes that every client is made of.

``request`` is one logical call, whatever called it and however often it is retried. In it ``_build_request`` has what
is sent, and ``_process_response`` the response that is handed to the caller. Patched on the classes, they serve
clients, copies and subclasses that were made before or will be made later.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

from baserun_openai._current import answered, begin, leave, sent

Function = Callable[..., Any]

_lock = threading.Lock()
_is_on = False
_patches: list[_Patch] = []


def instrument() -> None:
    """Record the calls of every client of the `openai` package; doing it twice is the same as doing it once."""
    global _is_on
    with _lock:
        if not _patches:
            _patches.extend(_make_patches())
        for patch in _patches:
            patch.apply()
        _is_on = True


def uninstrument() -> None:
    """Leave the client as it was.

    A method that somebody else has wrapped since then keeps our wrapper inside, which only passes on from now on.
    """
    global _is_on
    with _lock:
        _is_on = False
        for patch in reversed(_patches):
            patch.undo()


class _Patch:
    """One method of one class, and what takes its place."""

    def __init__(self, owner: type, name: str, wrap: Callable[[Function], Function]) -> None:
        self._owner = owner
        self._name = name
        self._wrap = wrap
        self._original: Function | None = None
        self._wrapper: Function | None = None

    def apply(self) -> None:
        """Put the wrapper in place, unless one is there, maybe under somebody else's."""
        if self._wrapper is None:
            self._original = self._owner.__dict__[self._name]
            self._wrapper = self._wrap(self._original)
            setattr(self._owner, self._name, self._wrapper)

    def undo(self) -> None:
        """Put the original back, unless somebody else's wrapper would be lost with ours."""
        if self._wrapper is not None and self._owner.__dict__.get(self._name) is self._wrapper:
            setattr(self._owner, self._name, self._original)
            self._wrapper = self._original = None


def _make_patches() -> list[_Patch]:
    from openai._base_client import AsyncAPIClient, BaseClient, SyncAPIClient

    return [
        _Patch(BaseClient, "_build_request", _build_request),
        _Patch(SyncAPIClient, "_process_response", _process_response),
        _Patch(AsyncAPIClient, "_process_response", _process_response_async),
        _Patch(SyncAPIClient, "request", _request),
        _Patch(AsyncAPIClient, "request", _request_async),
    ]


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
