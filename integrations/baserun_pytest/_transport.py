"""Intercepting requests where they leave for the network: in the transports of httpx and httpx2.

They are patched on the classes, which covers every client, wherever it is made and whatever its URL. Requests to an
application in this process (ASGI, WSGI, mocks) do not pass here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any, Protocol

from baserun.testing._replay.canonical import PATHS, endpoint_of
from baserun_pytest._network import is_here
from baserun_pytest._patch import Wrap, patched

_LIBRARIES = ("httpx", "httpx2")
_AIOHTTP = ("httpx_aiohttp.transport", "openai._vendor.httpx_aiohttp.transport")
"""Modules with transports that use aiohttp, and are not subclasses of those of httpx."""

_PROVIDER = "https://api.openai.com/v1"
"""The base URL of a client that is given no other."""

_CLIENT_HEADER = "x-stainless-lang"
_RETRY_HEADER = "x-stainless-retry-count"


class Handler(Protocol):
    """Handles the requests of providers' clients."""

    def answer(self, library: ModuleType, request: Any) -> Any | None:
        """Return the response; None to send the request to the provider."""

    def received(
        self, library: ModuleType, request: Any, response: Any, pieces: list[bytes], failure: Exception | None
    ) -> Any:
        """Take the provider's response, up to the failure that interrupted it, and return the one for the client."""

    def failed(self, library: ModuleType, request: Any, failure: Exception) -> None:
        """Note that there is no response: `failure` is about to be raised in the client."""


@contextmanager
def intercepted(handler: Handler) -> Iterator[None]:
    """Let `handler` answer the requests of providers' clients, sync and async."""
    with _no_pauses(), _doors(lambda library: _sync(library, handler), lambda library: _async(library, handler)):
        yield


@contextmanager
def directed(url: str) -> Iterator[None]:
    """Redirect the requests of providers' clients to any other machine to the server at `url`, on this one."""

    def wrap(original: Any) -> Callable[..., Any]:
        def handle(self: Any, request: Any) -> Any:
            if _is_of_a_provider(request) and not is_here(request.url.host):
                _redirect(request, url)
            return original(self, request)

        return handle

    with _doors(lambda library: wrap, lambda library: wrap):
        yield


def send_home(request: Any, left: str) -> None:
    """Redirect a request for the server that was at `left` to the base URL that a client would get if made now."""
    home = os.environ.get("OPENAI_BASE_URL") or _PROVIDER
    asked = request.url.netloc
    if asked != request.url.join(left).netloc or asked == request.url.join(home).netloc:
        return
    _redirect(request, home.rstrip("/"))
    if key := os.environ.get("OPENAI_API_KEY"):
        request.headers["Authorization"] = f"Bearer {key}"


def _redirect(request: Any, url: str) -> None:
    path, endpoint = request.url.path, endpoint_of(request.url.path)
    place = request.url.join(url)
    if endpoint in PATHS and not path.startswith("/openai/deployments/"):
        path = f"{place.path}{endpoint}"  # providers put different prefixes before it
    request.url = request.url.copy_with(scheme=place.scheme, host=place.host, port=place.port, path=path)
    request.headers["Host"] = request.url.netloc.decode("ascii")


@contextmanager
def _doors(sync: Callable[[ModuleType], Wrap], asynchronous: Callable[[ModuleType], Wrap]) -> Iterator[None]:
    """Patch every transport through which requests leave."""
    with ExitStack() as stack:
        for library in _libraries():
            stack.enter_context(patched(library.HTTPTransport, "handle_request", sync(library)))
            stack.enter_context(patched(library.AsyncHTTPTransport, "handle_async_request", asynchronous(library)))
        for owner, library in _aiohttp_transports():
            stack.enter_context(patched(owner, "handle_async_request", asynchronous(library)))
        yield


def is_retry(request: Any) -> bool:
    """Whether the request is a retry by the client."""
    count: str = request.headers.get(_RETRY_HEADER, "0")
    return count != "0"


def _is_of_a_provider(request: Any) -> bool:
    return _CLIENT_HEADER in request.headers


def _sync(library: ModuleType, handler: Handler) -> Wrap:
    def wrap(original: Any) -> Callable[..., Any]:
        def handle_request(self: Any, request: Any) -> Any:
            if not _is_of_a_provider(request):
                return original(self, request)
            request.read()
            response = handler.answer(library, request)
            if response is not None:
                return response
            with _told_of(handler, library, request):
                sent = original(self, request)
            pieces: list[bytes] = []
            failure = None
            try:
                pieces.extend(sent.stream)
            except library.TransportError as error:
                failure = error
            finally:
                sent.close()
            return handler.received(library, request, sent, pieces, failure)

        return handle_request

    return wrap


def _async(library: ModuleType, handler: Handler) -> Wrap:
    def wrap(original: Any) -> Callable[..., Any]:
        async def handle_async_request(self: Any, request: Any) -> Any:
            if not _is_of_a_provider(request):
                return await original(self, request)
            await request.aread()
            response = handler.answer(library, request)
            if response is not None:
                return response
            with _told_of(handler, library, request):
                sent = await original(self, request)
            pieces: list[bytes] = []
            failure = None
            try:
                async for piece in sent.stream:
                    pieces.append(piece)  # noqa: PERF401  what came before a failure counts
            except library.TransportError as error:
                failure = error
            finally:
                await sent.aclose()
            return handler.received(library, request, sent, pieces, failure)

        return handle_async_request

    return wrap


@contextmanager
def _told_of(handler: Handler, library: ModuleType, request: Any) -> Iterator[None]:
    try:
        yield
    except library.TransportError as failure:
        handler.failed(library, request, failure)
        raise


@contextmanager
def _no_pauses() -> Iterator[None]:
    """Let clients retry at once: waiting does not change a recorded error."""
    base = getattr(sys.modules.get("openai._base_client"), "BaseClient", None)
    if base is None or "_calculate_retry_timeout" not in base.__dict__:
        yield
        return
    with patched(base, "_calculate_retry_timeout", lambda original: lambda self, *args, **kwargs: 0.0):
        yield


def _libraries() -> list[ModuleType]:
    """Return the HTTP libraries that are loaded, which a client does on import; if none is, the installed ones."""
    _load_client()
    loaded = [sys.modules[name] for name in _LIBRARIES if name in sys.modules]
    return loaded or [importlib.import_module(name) for name in _LIBRARIES if importlib.util.find_spec(name)]


def _load_client() -> None:
    if importlib.util.find_spec("openai") is not None:
        importlib.import_module("openai")


def _aiohttp_transports() -> list[tuple[Any, ModuleType]]:
    modules = [sys.modules[name] for name in _AIOHTTP if name in sys.modules]
    return [(module.AiohttpTransport, module.httpx) for module in modules]


def stream_of(library: ModuleType, pieces: list[bytes], failure: Exception | None) -> Any:
    """Return a body of several pieces, both sync and async, that may fail at its end."""
    return _stream_class(library)(pieces, failure)


def _stream_class(library: ModuleType) -> Any:
    class ReplayedStream(library.SyncByteStream, library.AsyncByteStream):  # type: ignore[name-defined,misc]
        def __init__(self, pieces: list[bytes], failure: Exception | None) -> None:
            self._pieces = pieces
            self._failure = failure

        def __iter__(self) -> Iterator[bytes]:
            yield from self._pieces
            if self._failure is not None:
                raise self._failure

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for piece in self:
                yield piece

        def close(self) -> None:
            return None

        async def aclose(self) -> None:
            return None

    return ReplayedStream
