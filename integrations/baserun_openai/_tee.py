"""A wrapper of a response's byte stream that tells a call which bytes were read and how the stream ended.

It replaces ``response.stream``, from which every reader of the body reads: the client's streams, raw responses, their
helpers. Bytes and errors pass through unchanged.
"""

from __future__ import annotations

import atexit
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache, lru_cache
from os import getpid
from time import perf_counter_ns
from typing import Any, Protocol, SupportsIndex
from weakref import ref

from baserun_openai._closing import COLLECTED, COMPLETE, UNREAD, end_by, is_read_by_client, who_closed


class Listener(Protocol):
    """The call that a body belongs to."""

    chunks: list[bytes] | None
    times: list[int] | None
    size: int

    @property
    def has_ended(self) -> bool:
        """Whether the end of the call was recorded."""

    def stream_ended(self, how: str, error: BaseException | None = None) -> None:
        """End the call with the end of its body."""


MOST_KEPT = 16 * 1024 * 1024
"""Bytes kept of one body; the rest is only counted."""


_begun: set[ref[_Tee]] = set()  # no WeakSet: iterating over one fails while another thread adds to it


def tee(response: Any, call: Listener) -> bool:
    """Report the body of an unread response to `call`; return whether that is possible."""
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
    # Registered with the first stream, after Baserun's own exit handler, and so called before that one.
    atexit.register(_end_all)


def _end_all() -> None:
    """End all open streams: a dropped one refers to itself, and the process may exit before it is collected."""
    for each in list(_begun):
        body = each()
        if body is not None:
            body.dropped()


class _Tee:
    def __init__(self, stream: Any, call: Listener) -> None:
        self._stream = stream
        self._call = call
        self._is_begun = False
        self._is_of_client = False
        self._process = getpid()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Any:
        # A copy is a copy of the original stream: the call has only one body.
        return self._stream.__reduce_ex__(protocol)

    def _keeper(self) -> Callable[[bytes], None]:
        """Return the function that keeps a chunk; it is all that runs for each of them."""
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
        # A process forked while the body was being read drops its copy, which must not end the parent's.
        return not call.has_ended and self._process == getpid()

    def dropped(self) -> None:
        """End the call, if it has not ended: nobody will read on."""
        call = self.__dict__.get("_call")
        if call is not None and self._is_ours_to_end(call):
            call.stream_ended(COLLECTED if self._is_begun else UNREAD)

    def __del__(self) -> None:
        # The garbage collector may run this in any thread, in the middle of anything.
        self.dropped()


class _SyncTee(_Tee):
    def __iter__(self) -> Iterator[bytes]:
        self._is_begun, self._is_of_client = True, is_read_by_client()
        keep = self._keeper()
        try:
            for chunk in self._stream:
                keep(chunk)
                yield chunk
        except GeneratorExit:
            raise  # whoever drops this iterator closes the response next, which tells more about the end
        except BaseException as error:
            self._call.stream_ended(end_by(error), error)
            raise
        self._call.stream_ended(COMPLETE)

    def close(self) -> None:
        if self._is_ours_to_end(self._call):
            self._call.stream_ended(*who_closed(of_client=self._is_of_client))
        self._stream.close()


class _AsyncTee(_Tee):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        # After the last event the client iterates again, for a moment, to read the rest of the body. An error there
        # does not matter: how the stream ended is reported when it is closed afterwards.
        is_rest, self._is_begun = self._is_begun, True
        self._is_of_client = is_rest or is_read_by_client()
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
            # The garbage collector would close it in another task.
            if hasattr(chunks, "aclose"):
                await chunks.aclose()
        self._call.stream_ended(COMPLETE)

    async def aclose(self) -> None:
        if self._is_ours_to_end(self._call):
            self._call.stream_ended(*who_closed(of_client=self._is_of_client))
        await self._stream.aclose()


_KINDS: dict[str, type[_Tee]] = {"SyncByteStream": _SyncTee, "AsyncByteStream": _AsyncTee}


@lru_cache(maxsize=64)
def _listening(stream_class: type) -> type[_Tee] | None:
    """Return a wrapper class for streams of this class, sync or async or both as it is; None if it is neither."""
    # The abstract base classes of the stream in its HTTP library, httpx2 or httpx.
    bases = [base for base in stream_class.__mro__ if base.__name__ in _KINDS]
    ours = [tee for name, tee in _KINDS.items() if any(base.__name__ == name for base in bases)]
    return type("ListeningByteStream", (*ours, *bases), {}) if bases else None
