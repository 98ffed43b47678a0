"""The body of a streamed response: the session is current while a piece of it is made, and not in between.

A server may take each piece in another thread or context, may alternate between several responses, and may never take
one at all. So each piece enters and leaves by itself, and the trace ends with the body: at its end, its failure, its
`close`, or when it is garbage-collected.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any

from baserun._context import replace
from baserun._model import CANCELLED
from baserun.web._request import WebRequest


class SteppedBody:
    """An iterable body of `request`; not a generator, because closing one that was never started runs no code."""

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
        # A body that was never read is that of a HEAD request or of a 304, and complete.
        self._request.finish(status=None if self._is_whole else CANCELLED)


class SteppedAsyncBody:
    """Like `SteppedBody`, for a body that is iterated with ``async for``."""

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
        """Close the body and finish the request: its reader has stopped."""
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
        """Finish the request when the response is closed, in any thread; the body can only be closed in its loop."""
        self._request.finish(status=None if self._pieces is None else CANCELLED)

    def __del__(self) -> None:
        self.abandon()
