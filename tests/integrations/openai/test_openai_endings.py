"""The ends of streams: one record that says how it ended, in the session that made the call."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import threading
import weakref
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import ModuleType
from typing import Any

import openai
import pytest

import baserun
from baserun.testing import Captured, Fault, OfflineModel
from baserun_openai import _tee

MESSAGES: Any = [{"role": "user", "content": 'Say "one two three four five six"'}]

Ending = Callable[[Any, Any], Awaitable[None]]


class ConsumerError(Exception):
    """Raised by the application while it reads a stream."""


async def to_the_end(any_client: Any, stream: Any) -> None:
    await any_client.read(stream)


async def closed(any_client: Any, stream: Any) -> None:
    await any_client.read(stream, 1)
    await any_client.result(stream.close())


async def closed_unread(any_client: Any, stream: Any) -> None:
    await any_client.result(stream.close())


async def broken_out_of(any_client: Any, stream: Any) -> None:
    async with any_client.block(stream):
        await any_client.read(stream, 2)


async def consumer_raised(any_client: Any, stream: Any) -> None:
    with pytest.raises(ConsumerError):
        async with any_client.block(stream):
            await any_client.read(stream, 1)
            raise ConsumerError("enough")


async def consumer_cancelled(any_client: Any, stream: Any) -> None:
    with pytest.raises(asyncio.CancelledError):
        async with any_client.block(stream):
            await any_client.read(stream, 1)
            raise asyncio.CancelledError


async def consumer_generator_closed(any_client: Any, stream: Any) -> None:
    def view() -> Any:
        with stream:
            yield from stream

    async def async_view() -> Any:
        async with stream:
            async for chunk in stream:
                yield chunk

    if any_client.is_async:
        chunks = async_view()
        await anext(chunks)
        await chunks.aclose()
    else:
        chunks = view()
        next(chunks)
        chunks.close()


async def closed_by_a_generator(any_client: Any, stream: Any) -> None:
    def read_and_close() -> Any:
        yield next(stream)
        stream.close()

    async def read_and_aclose() -> Any:
        yield await anext(stream)
        await stream.close()

    await any_client.read(read_and_aclose() if any_client.is_async else read_and_close())


async def dropped(any_client: Any, stream: Any) -> None:
    await any_client.read(stream, 1)


async def dropped_unread(any_client: Any, stream: Any) -> None:
    await any_client.read(stream, 0)


ENDINGS: list[tuple[Ending, Fault, str, str]] = [
    (to_the_end, Fault(chunk_delay=0.001), "complete", "ok"),
    (to_the_end, Fault(gzip=True), "complete", "ok"),
    (to_the_end, Fault(without_done=True), "complete", "ok"),
    (closed, Fault(chunk_delay=0.01), "closed", "ok"),
    (closed, Fault(), "closed", "ok"),
    (closed_unread, Fault(), "closed", "ok"),
    (broken_out_of, Fault(chunk_delay=0.01), "closed", "ok"),
    (closed_by_a_generator, Fault(chunk_delay=0.01), "closed", "ok"),
    (consumer_raised, Fault(chunk_delay=0.01), "error", "error"),
    (consumer_cancelled, Fault(chunk_delay=0.01), "cancelled", "cancelled"),
    (consumer_generator_closed, Fault(chunk_delay=0.01), "cancelled", "cancelled"),
    (dropped, Fault(chunk_delay=0.01), "collected", "ok"),
    (dropped_unread, Fault(), "unread", "ok"),
]


@pytest.mark.parametrize(("ending", "fault", "stream_end", "status"), ENDINGS)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_ending(
    any_client: Any,
    offline: OfflineModel,
    captured: Captured,
    ending: Ending,
    fault: Fault,
    stream_end: str,
    status: str,
) -> None:
    """A stream is one record that says how it ended, in the session that was current when the call was made."""
    offline.next(fault)
    with baserun.with_session() as session:
        stream = await any_client.result(create(any_client))

    with baserun.with_session():
        await ending(any_client, stream)
        del stream
        await any_client.collect()

    (call,) = captured.calls
    assert (call.stream_end, call.status, call.input) == (stream_end, status, MESSAGES)
    assert [trace.session_id for trace in captured.traces] == [session.id]


@pytest.mark.parametrize(
    ("fault", "error", "stream_end"),
    [
        (Fault(cut="body", after=3), Exception, "network"),
        (Fault(cut="body", after=3, reset=True), Exception, "network"),
        (Fault(stream_error="Overloaded.", after=2), openai.APIError, "error"),
    ],
)
async def test_failing_stream(
    any_client: Any, offline: OfflineModel, captured: Captured, fault: Fault, error: type[Exception], stream_end: str
) -> None:
    """A stream that fails in the middle is one record with the output so far."""
    offline.next(fault)
    stream = await any_client.result(create(any_client))

    with pytest.raises(error):
        await any_client.read(stream)
    del stream
    await any_client.collect()

    (call,) = captured.calls
    assert call.stream_end == stream_end
    assert call.output is not None


async def test_stream_timing_out(any_client: Any, offline: OfflineModel, captured: Captured, http: ModuleType) -> None:
    """A stream that times out is one record that says so."""
    offline.next(Fault(chunk_delay=5))
    client = any_client.client.with_options(timeout=0.2)
    stream = await any_client.result(
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
    )

    with pytest.raises((openai.APITimeoutError, http.TimeoutException)):
        await any_client.read(stream)

    (call,) = captured.calls
    assert (call.stream_end, call.status) == ("timeout", "error")


async def test_task_cancelled_in_request(offline: OfflineModel, captured: Captured) -> None:
    """A call whose task is cancelled before the answer is one cancelled record with its input."""
    offline.next(delay=5)
    async with openai.AsyncOpenAI(base_url=offline.url, api_key="offline") as client:
        task = asyncio.create_task(client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES))
        while not offline.requests:
            await asyncio.sleep(0.01)

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
    (call,) = captured.calls
    assert (call.status, call.input, call.retries) == ("cancelled", MESSAGES, 0)


async def test_task_cancelled_in_stream(offline: OfflineModel, captured: Captured) -> None:
    """A stream whose task is cancelled while it waits is one cancelled record with its input."""
    offline.next(Fault(chunk_delay=5))
    seen: list[Any] = []

    async def read(client: Any) -> None:
        stream = await client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        async for chunk in stream:
            seen.append(chunk)

    async with openai.AsyncOpenAI(base_url=offline.url, api_key="offline") as client:
        task = asyncio.create_task(read(client))
        while not seen:
            await asyncio.sleep(0.01)

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
    (call,) = captured.calls
    assert (call.status, call.stream_end, call.input) == ("cancelled", "cancelled", MESSAGES)


def test_stream_read_in_another_thread(offline: OfflineModel, captured: Captured) -> None:
    """A stream is recorded in the session that made the call, whichever thread reads it."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        with baserun.with_session() as session:
            stream = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        reader = threading.Thread(target=lambda: list(stream))

        reader.start()
        reader.join()

    (call,) = captured.calls
    assert call.stream_end == "complete"
    assert captured.traces[0].session_id == session.id


@pytest.mark.parametrize("stream", [False, True])
def test_written_call_frees_its_bodies_at_once(client: openai.OpenAI, captured: Captured, stream: bool) -> None:
    """A call that was written is no garbage cycle: its bodies do not wait for the garbage collector."""
    freed = threading.Event()

    def end(span: Any) -> None:
        weakref.finalize(span, freed.set)

    gc.disable()
    try:
        with baserun.signals.llm_call_finished.connected_to(end):
            answer: Any = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=stream)
            if stream:
                list(answer)
        assert len(captured.calls) == 1

        assert freed.wait(5)
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_stream_dropped_by_a_forked_process(offline: OfflineModel, captured: Captured) -> None:
    """A forked process that drops its copy of a stream does not affect how the stream's record ends."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        stream = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        next(stream)
        child = os.fork()
        if child == 0:
            try:
                del stream
                gc.collect()
                baserun.flush(10)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        list(stream)

    (call,) = captured.calls
    assert (call.stream_end, call.finish_reasons) == ("complete", ["stop"])


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_process_ending_while_another_thread_begins_streams(
    answering: Callable[..., openai.OpenAI], captured: Captured
) -> None:
    """All open streams are recorded at the end of the process, even while another thread begins more."""
    client = answering(b"data: [DONE]\n\n", content_type="text/event-stream")
    streams: list[Any] = []

    def begin_many() -> None:
        while len(streams) < 400:
            streams.append(client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True))

    beginner = threading.Thread(target=begin_many)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        beginner.start()
        while beginner.is_alive():
            _tee._end_all()
    finally:
        sys.setswitchinterval(interval)
        beginner.join()
        _tee._end_all()

    assert {call.stream_end for call in captured.calls} == {"unread"}
    assert len(captured.calls) == 400


def test_next_after_close(offline: OfflineModel, captured: Captured) -> None:
    """Reading buffered items after closing works as without us, and adds no record."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        stream = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        next(stream)
        stream.close()

        with contextlib.suppress(Exception):  # items that were not buffered cannot be read any more
            list(stream)

    (call,) = captured.calls
    assert call.stream_end == "closed"


async def test_connection_held_open_after_the_last_event(http: ModuleType, captured: Captured) -> None:
    """A stream is complete when its last event was read, even if the connection stays open."""

    class HeldOpen(http.AsyncByteStream):  # type: ignore[misc, name-defined]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b'data: {"id": "c", "choices": []}\n\ndata: [DONE]\n\n'
            await asyncio.sleep(0.3)

    async def answer(request: Any) -> Any:
        return http.Response(200, headers={"content-type": "text/event-stream"}, stream=HeldOpen())

    transport = http.MockTransport(answer)
    async with openai.AsyncOpenAI(api_key="x", http_client=http.AsyncClient(transport=transport)) as client:
        stream = await client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        async for _ in stream:
            pass

    (call,) = captured.calls
    assert (call.stream_end, call.status, call.response_id) == ("complete", "ok", "c")


EVENT = b'data: {"id": "c", "choices": [{"index": 0, "delta": {"content": "Hello"}}]}\n\n'


def zipped(*, is_whole: bool) -> bytes:
    """One compressed event; the beginning of a body, or all of it."""
    compressor = zlib.compressobj(wbits=31)
    return compressor.compress(EVENT) + compressor.flush(zlib.Z_FINISH if is_whole else zlib.Z_SYNC_FLUSH)


async def read_in_vain(any_client: Any, stream: Any) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011  # the HTTP library's own in the client's first major version
        await any_client.read(stream)


@pytest.mark.parametrize(
    ("chunks", "ending", "stream_end", "error"),
    [
        ([b"no gzip at all"], read_in_vain, "error", "DecodingError"),
        ([zipped(is_whole=False), b"\xff" * 20], read_in_vain, "error", "DecodingError"),
        ([zipped(is_whole=True)[:-8] + b"checksum"], read_in_vain, "error", "DecodingError"),
        ([zipped(is_whole=False), b"\xff" * 20], dropped, "collected", None),
        ([zipped(is_whole=False)] * 2, closed, "closed", None),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_broken_compression(
    any_client: Any,
    http: ModuleType,
    captured: Captured,
    chunks: list[bytes],
    ending: Ending,
    stream_end: str,
    error: str | None,
) -> None:
    """A stream that cannot be decompressed has failed; what was read before that, or not read any more, has not."""

    class Chunks(http.SyncByteStream, http.AsyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            yield from chunks

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

    headers = {"content-type": "text/event-stream", "content-encoding": "gzip"}
    transport = http.MockTransport(lambda request: http.Response(200, headers=headers, stream=Chunks()))
    http_client = (http.AsyncClient if any_client.is_async else http.Client)(transport=transport)
    client = any_client.client.with_options(http_client=http_client)

    stream = await any_client.result(
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
    )
    await ending(any_client, stream)
    del stream
    await any_client.collect()

    (call,) = captured.calls
    assert (call.stream_end, call.error and call.error.type) == (stream_end, error)


def test_close_wrapped_by_somebody_else(offline: OfflineModel, captured: Captured) -> None:
    """A stream that was read to its end is complete, even if another tool has wrapped its `close`."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        stream = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        response: Any = stream.response
        close = response.close

        def listening_close() -> None:
            close()

        response.close = listening_close
        list(stream)

    (call,) = captured.calls
    assert call.stream_end == "complete"


@pytest.mark.parametrize("kind", ["with", "exit stack", "closing", "close"])
async def test_ended_while_something_else_is_handled(any_client: Any, captured: Captured, kind: str) -> None:
    """An exception that was being handled when a stream was left is not recorded as the stream's."""
    try:
        raise ConsumerError("before")
    except ConsumerError:
        stream = await any_client.result(create(any_client))
        await any_client.read(stream, 1)
        await _leave(any_client, stream, kind)

    (call,) = captured.calls
    assert (call.stream_end, call.status, call.error) == ("closed", "ok", None)


@pytest.mark.parametrize("fault", [Fault(), Fault(chunk_delay=0.001)])
async def test_read_to_the_end_while_something_else_is_handled(
    any_client: Any, offline: OfflineModel, captured: Captured, fault: Fault
) -> None:
    """A stream read to its end in an exception handler, as in a second attempt, is complete and has no error."""
    offline.next(fault)
    try:
        raise ConsumerError("before")
    except ConsumerError:
        stream = await any_client.result(create(any_client))
        await any_client.read(stream)

    (call,) = captured.calls
    assert (call.stream_end, call.status, call.error) == ("complete", "ok", None)


async def _leave(any_client: Any, stream: Any, kind: str) -> None:
    if kind == "with":
        async with any_client.block(stream):
            pass
    elif kind == "exit stack" and any_client.is_async:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(stream)
    elif kind == "exit stack":
        with contextlib.ExitStack() as stack:
            stack.enter_context(stream)
    elif kind == "closing" and not any_client.is_async:
        with contextlib.closing(stream):
            pass
    else:
        await any_client.result(stream.close())


def test_closed_in_a_method_of_that_name(offline: OfflineModel, captured: Captured) -> None:
    """Closing a stream in an unrelated `__exit__` method without arguments causes no failure."""

    class Reader:
        def __exit__(self) -> None:  # noqa: PYI036
            stream.close()

    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        stream = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        next(stream)
        Reader().__exit__()

    (call,) = captured.calls
    assert (call.stream_end, call.status) == ("closed", "ok")


@pytest.mark.parametrize("kind", ["exit stack", "closing"])
def test_consumer_raised_in_another_block(offline: OfflineModel, captured: Captured, kind: str) -> None:
    """An exception that leaves a block of `ExitStack` or `closing` around the stream is recorded."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        stream = client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
        with pytest.raises(ConsumerError), contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.closing(stream) if kind == "closing" else stream)
            next(stream)
            raise ConsumerError("enough")

    (call,) = captured.calls
    assert call.error is not None
    assert (call.stream_end, call.status, call.error.type) == ("error", "error", "ConsumerError")


def create(any_client: Any) -> Any:
    return any_client.client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True)
