"""A response's byte stream that tells a call what came through it and how it ended.

It takes the place of ``response.stream``, where every reader of the body passes: the client's streams, raw responses,
their helpers. It hands on the very same bytes, and errors as they are.
"""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, lru_cache
from os import getpid
from time import perf_counter_ns
from typing import Any, Protocol, SupportsIndex
from weakref import ref

from baserun_openai._closing import COLLECTED, COMPLETE, UNREAD, end_by, who_closed


class Listener(Protocol):
    """The call that a body belongs to."""

    chunks: list[bytes] | None
    times: list[int] | None
    size: int
    has_ended: bool

    def stream_ended(self, how: str, error: BaseException | None = None) -> None:
        """The body came to an end."""


MOST_KEPT = 16 * 1024 * 1024
"""Bytes kept of one body; what comes after them is only counted."""


_begun: set[ref[_Tee]] = set()  # no WeakSet: to list one fails while another thread adds to it


def tee(response: Any, call: Listener) -> bool:
    """Listen to the body of a response that is not read yet; whether that is possible."""
    stream = response.stream
    listening = _listening(type(stream))  # type: ignore[arg-type]  # a class can be hashed
    if listening is None:
        return False
    response.stream = listening(stream, call)
    _begun.add(ref(response.stream, _begun.discard))
    _end_all_at_exit()
    return True


@cache
def _end_all_at_exit() -> None:
    # With the first stream, so after Baserun has asked to be called at exit, and is called after this.
    atexit.register(_end_all)


def _end_all() -> None:
    """A stream that is dropped waits for the garbage collector, since it refers to itself; the process does not."""
    for each in list(_begun):
        body = each()
        if body is not None:
            body.dropped()


class _Tee:
    def __init__(self, stream: Any, call: Listener) -> None:
        self._stream = stream
        self._call = call
        self._is_begun = False
        self._process = getpid()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        # A copy is one of what it would be without us; the call has one body only.
        return self._stream.__reduce_ex__(protocol)

    def _keeper(self) -> Callable[[bytes], None]:
        """What takes note of each chunk; the one thing here that runs for each of them."""
        call = self._call
        chunks = call.chunks = call.chunks or []
        times = call.times = call.times or []
        size = sum(map(len, chunks))

        def keep(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            if size <= MOST_KEPT:
                chunks.append(chunk)
                times.append(perf_counter_ns())
            else:
                call.size = size

        return keep

    def _is_ours_to_end(self, call: Listener) -> bool:
        # A process that was forked while the body was read has a copy to drop, and no say in how the body ends.
        return not call.has_ended and self._process == getpid()

    def dropped(self) -> None:
        """Nobody reads on."""
        call = self.__dict__.get("_call")
        if call is not None and self._is_ours_to_end(call):
            call.stream_ended(COLLECTED if self._is_begun else UNREAD)

    def __del__(self) -> None:
        # The garbage collector may run this in any thread, in the middle of anything.
        self.dropped()


class _SyncTee(_Tee):
    def __iter__(self) -> Iterator[bytes]:
        self._is_begun = True
        keep = self._keeper()
        try:
            for chunk in self._stream:
                keep(chunk)
                yield chunk
        except GeneratorExit:
            raise  # whoever drops this iterator closes the response next, and that tells more
        except BaseException as error:
            self._call.stream_ended(end_by(error), error)
            raise
        self._call.stream_ended(COMPLETE)

    def close(self) -> None:
        if self._is_ours_to_end(self._call):
            self._call.stream_ended(*who_closed())
        self._stream.close()


class _AsyncTee(_Tee):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        # After the last event the client reads what is left of the body, for a moment, by iterating again. What goes
        # wrong there is of no consequence, and how the stream ended is told when it is closed after that.
        is_rest, self._is_begun = self._is_begun, True
        keep = self._keeper()
        chunks = self._stream.__aiter__()
        try:
            async for chunk in chunks:
                keep(chunk)
                yield chunk
        except GeneratorExit:
            raise
        except BaseException as error:
            if not is_rest:
                self._call.stream_ended(end_by(error), error)
            raise
        finally:
            # Left to the garbage collector it would be closed in another task.
            if hasattr(chunks, "aclose"):
                await chunks.aclose()
        self._call.stream_ended(COMPLETE)

    async def aclose(self) -> None:
        if self._is_ours_to_end(self._call):
            self._call.stream_ended(*who_closed())
        await self._stream.aclose()


_KINDS: dict[str, type[_Tee]] = {"SyncByteStream": _SyncTee, "AsyncByteStream": _AsyncTee}


@lru_cache(maxsize=64)
def _listening(stream_class: type) -> type[_Tee] | None:
    """What listens to a stream of this class: a class of the same kinds, sync or async or both; None if of neither."""
    # The abstract classes of the HTTP library that the stream is of: httpx2, or httpx.
    bases = [base for base in stream_class.__mro__ if base.__name__ in _KINDS]
    ours = [tee for name, tee in _KINDS.items() if any(base.__name__ == name for base in bases)]
    return type("ListeningByteStream", (*ours, *bases), {}) if bases else None
