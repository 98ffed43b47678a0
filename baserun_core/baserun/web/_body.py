"""The body of a streamed response: the session is current for each piece of it, and never in between.

A server may take each piece on another thread or in another context, may take pieces of several responses by turns, and
may never take one at all. So each piece enters and leaves by itself, and the trace ends with the body: at its end, its
failure, its `close`, or when it is forgotten.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any

from baserun._context import replace
from baserun._model import CANCELLED
from baserun.web._request import WebRequest


class SteppedBody:
    """An iterable body of `request`; not a generator, since one that was never started runs nothing when closed."""

    def __init__(self, request: WebRequest, body: Iterable[Any]) -> None:
        self._request = request
        self._body = body
        self._pieces: Iterator[Any] | None = None
        self._is_whole = True

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        previous = replace(self._request.frame)
        try:
            if self._pieces is None:
                self._is_whole = False
                self._pieces = iter(self._body)
            return next(self._pieces)
        except StopIteration:
            self._is_whole = True
            self._request.finish()
            raise
        except BaseException as error:
            self._request.finish(error)
            raise
        finally:
            replace(previous)

    def close(self) -> None:
        """Finish the request: the server closes the response at its end, or because the client left."""
        previous = replace(self._request.frame)
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                self._request.go_on()
                close()
        except BaseException as error:
            self._request.finish(error)
            raise
        finally:
            self._finish()
            replace(previous)

    def __del__(self) -> None:
        self._finish()

    def _finish(self) -> None:
        # A body that nobody began to read is that of a HEAD request or of a 304, and whole.
        self._request.finish(status=None if self._is_whole else CANCELLED)


class SteppedAsyncBody:
    """The same for a body that is iterated with ``async for``."""

    def __init__(self, request: WebRequest, body: AsyncIterable[Any]) -> None:
        self._request = request
        self._body = body
        self._pieces: AsyncIterator[Any] | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        previous = replace(self._request.frame)
        try:
            if self._pieces is None:
                self._pieces = aiter(self._body)
            return await anext(self._pieces)
        except StopAsyncIteration:
            self._request.finish()
            raise
        except BaseException as error:
            self._request.finish(error)
            raise
        finally:
            replace(previous)

    async def aclose(self) -> None:
        """Whoever reads the body has had enough of it."""
        previous = replace(self._request.frame)
        try:
            close = getattr(self._pieces or self._body, "aclose", None)
            if close is not None:
                await close()
        except BaseException as error:
            self._request.finish(error)
            raise
        finally:
            self._request.finish(status=None if self._pieces is None else CANCELLED)
            replace(previous)

    def abandon(self) -> None:
        """The response was closed, in whatever thread; the body itself can only be closed in its event loop."""
        self._request.finish(status=None if self._pieces is None else CANCELLED)

    def __del__(self) -> None:
        self.abandon()
