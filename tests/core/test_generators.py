"""Decorated generators: their blocks are current in each step and not between steps, wherever a step runs."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any

import pytest

import baserun
from baserun.testing import Captured

Step = Callable[[], Any]


def now() -> tuple[str | None, str | None, str | None]:
    """Return the id of the current session and the names of the current trace and span."""
    session, trace, span = baserun.current_session(), baserun.current_trace(), baserun.current_span()
    return (
        None if session is None else session.id,
        None if trace is None else trace.name,
        None if span is None else span.name,
    )


NOTHING = (None, None, None)


def test_between_steps_nothing_leaks(captured: Captured) -> None:
    """The consumer of a decorated generator never sees its session or trace."""

    @baserun.with_session(session_identifier="chat")
    @baserun.trace(name="stream")
    def stream() -> Generator[Any, None, None]:
        yield now()
        yield now()

    seen = [(step, now()) for step in stream()]

    assert seen == [(("chat", "stream", None), NOTHING)] * 2
    assert now() == NOTHING


async def test_objects_that_are_called_like_generators(captured: Captured) -> None:
    """An object whose `__call__` is a generator, asynchronous or not, is traced until the generator ends."""

    class Stream:
        def __call__(self) -> Iterator[Any]:
            yield now()

    class AsyncStream:
        async def __call__(self) -> AsyncGenerator[Any, None]:
            yield now()

    seen = [*baserun.trace(Stream())(), *[step async for step in baserun.trace(AsyncStream())()]]

    assert seen == [(None, "Stream", None), (None, "AsyncStream", None)]


def test_blocks_inside_do_not_leak_between_steps(captured: Captured) -> None:
    """A bare block around a `yield` inside a decorated generator is not current for its consumer either."""

    @baserun.trace(name="stream")
    def stream() -> Generator[Any, None, None]:
        with baserun.span("chunks"):
            yield now()
            yield now()
        yield now()

    seen = [(step, now()) for step in stream()]

    assert seen == [
        ((None, "stream", "chunks"), NOTHING),
        ((None, "stream", "chunks"), NOTHING),
        ((None, "stream", None), NOTHING),
    ]


def test_interleaved_generators_keep_to_their_own_sessions(captured: Captured) -> None:
    """Two streams that are read in turns, with open blocks inside, never see each other's session."""

    @baserun.with_session()
    def stream(name: str) -> Generator[Any, None, None]:
        with baserun.span(name):
            for _ in range(3):
                yield now()
                with baserun.span(f"{name} step"):
                    pass

    seen = list(zip(stream("a"), stream("b"), strict=True))

    assert [{step[0] for step in column} for column in zip(*seen, strict=True)] == [
        {"00000000-0000-4000-8000-000000000001"},
        {"00000000-0000-4000-8000-000000000002"},
    ]
    assert sorted((trace.session_id, trace.name, len(trace.spans or [])) for trace in captured.traces) == [
        ("00000000-0000-4000-8000-000000000001", "a", 4),
        ("00000000-0000-4000-8000-000000000002", "b", 4),
    ]


def test_consumer_blocks_between_steps_are_its_own(captured: Captured) -> None:
    """Blocks that the consumer opens between steps are neither seen nor closed by the generator."""

    @baserun.with_session(session_identifier="inner")
    def stream() -> Generator[Any, None, None]:
        yield now()[0]
        yield now()[0]

    with baserun.with_session(session_identifier="outer") as outer:
        steps = stream()
        first = next(steps)
        with baserun.with_session(session_identifier="other") as other:
            second = next(steps)
            between = baserun.current_session()
        after = baserun.current_session()
        steps.close()

    assert (first, second) == ("inner", "inner")
    assert (between, after) == (other, outer)


def test_steps_in_different_contexts(captured: Captured) -> None:
    """Each step may run in another context, and leaves nothing current there."""

    @baserun.with_session(session_identifier="chat")
    def stream() -> Generator[Any, None, None]:
        with baserun.span("open"):
            while True:
                yield now()[0]

    contexts = [contextvars.copy_context() for _ in range(3)]
    steps = stream()

    assert [context.run(next, steps) for context in contexts] == ["chat"] * 3
    contexts[1].run(steps.close)
    assert [context.run(now) for context in contexts] == [NOTHING] * 3


def test_closed_in_another_thread(captured: Captured) -> None:
    """A half-read generator that another thread closes ends as cancelled, and what is current here stays."""

    @baserun.trace(name="stream")
    def stream() -> Generator[int, None, None]:
        yield 1

    with baserun.with_session(session_identifier="mine"):
        steps = stream()
        next(steps)
        closer = threading.Thread(target=steps.close)
        closer.start()
        closer.join()
        here = now()

    assert here == ("mine", None, None)
    assert [(trace.name, trace.session_id, trace.status) for trace in captured.traces] == [
        ("stream", "mine", "cancelled")
    ]


def test_collected_as_garbage(captured: Captured) -> None:
    """A half-read generator that is garbage-collected ends as cancelled in its own session."""

    @baserun.with_session(session_identifier="dropped")
    @baserun.trace(name="stream")
    def stream() -> Generator[int, None, None]:
        yield 1

    next(stream())
    with baserun.with_session(session_identifier="other"):
        gc.collect()
        here = now()

    assert here == ("other", None, None)
    assert [(trace.session_id, trace.status) for trace in captured.traces] == [("dropped", "cancelled")]


def test_never_started_generator_records_nothing(captured: Captured) -> None:
    """Calling a generator function without taking a step records nothing."""

    @baserun.trace
    def stream() -> Generator[int, None, None]:
        yield 1

    stream()

    assert captured.traces == []


def steps_of(generator: Generator[Any, Any, Any], steps: list[tuple[str, Any]]) -> list[Any]:
    """Drive a generator by these method calls, and return the values and errors that come out."""
    seen: list[Any] = []
    for method, argument in steps:
        try:
            seen.append(getattr(generator, method)(*argument))
        except BaseException as error:
            seen.append((type(error), getattr(error, "value", None) or str(error)))
    return seen


def conversation(log: list[Any]) -> Generator[Any, Any, str]:
    """Yield what it is sent and thrown, and log its clean-up."""
    try:
        answer = yield "first"
        while answer != "stop":
            try:
                answer = yield ("got", answer)
            except KeyError as error:
                answer = yield ("caught", str(error))
        return "done"
    finally:
        log.append("cleaned up")


@pytest.mark.parametrize(
    "steps",
    [
        [("__next__", ()), ("send", ("a",)), ("send", ("b",)), ("send", ("stop",)), ("__next__", ())],
        [("send", ("too early",)), ("__next__", ())],
        [("send", (None,)), ("throw", (KeyError("k"),)), ("close", ())],
        [("__next__", ()), ("send", ("a",)), ("throw", (KeyError("k"),)), ("__next__", ()), ("send", ("stop",))],
        [("__next__", ()), ("throw", (ValueError("v"),)), ("__next__", ())],
        [("__next__", ()), ("throw", (StopIteration("s"),)), ("__next__", ())],
        [("throw", (ValueError("before the start"),)), ("__next__", ())],
        [("__next__", ()), ("throw", (KeyboardInterrupt(),))],
        [("__next__", ()), ("throw", (GeneratorExit(),)), ("__next__", ())],
        [("close", ()), ("__next__", ())],
        [("__next__", ()), ("close", ()), ("close", ()), ("send", (1,))],
    ],
)
def test_passes_everything_through(captured: Captured, steps: list[tuple[str, Any]]) -> None:
    """Values, sends, throws, closes and the return value of a decorated generator are those of the bare one."""
    bare_log: list[Any] = []
    decorated_log: list[Any] = []
    decorated = baserun.trace(conversation)

    expected = steps_of(conversation(bare_log), steps)

    assert steps_of(decorated(decorated_log), steps) == expected
    assert decorated_log == bare_log


def test_yielding_after_close_is_the_error_that_python_raises(captured: Captured) -> None:
    """A generator that yields after `close` raises as without the decorator."""

    @baserun.trace
    def stubborn() -> Generator[int, None, None]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    steps = stubborn()
    next(steps)

    with pytest.raises(RuntimeError, match="generator ignored GeneratorExit"):
        steps.close()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="close() returns a value from Python 3.13 on")
def test_close_returns_what_the_generator_returns(captured: Captured) -> None:
    """`close` returns the value that the generator returns."""

    @baserun.trace
    def summed() -> Generator[int, None, str]:
        try:
            yield 1
        except GeneratorExit:
            return "sum"
        return "never"

    steps = summed()
    next(steps)

    assert steps.close() == "sum"  # type: ignore[func-returns-value]


def test_delegation_gets_the_return_value(captured: Captured) -> None:
    """`yield from` a decorated generator gives its return value, which is also recorded as the result."""

    @baserun.trace(name="inner")
    def inner() -> Generator[int, None, str]:
        yield 1
        return "result"

    def outer() -> Generator[int, None, None]:
        returned.append((yield from inner()))

    returned: list[str] = []
    list(outer())

    assert returned == ["result"]
    assert [(trace.name, trace.result) for trace in captured.traces] == [("inner", "result")]


def test_error_inside_is_recorded(captured: Captured) -> None:
    """An exception that ends the generator passes and is recorded."""

    @baserun.trace(name="stream")
    def stream() -> Generator[int, None, None]:
        yield 1
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        list(stream())

    trace = captured.traces[0]
    assert (trace.status, trace.error and trace.error.to_dict()["type"]) == ("error", "ValueError")


async def test_asynchronous_between_steps_nothing_leaks(captured: Captured) -> None:
    """The consumer of a decorated asynchronous generator never sees its session, trace or open spans."""

    @baserun.with_session(session_identifier="chat")
    @baserun.trace(name="stream")
    async def stream() -> AsyncGenerator[Any, None]:
        with baserun.span("chunks"):
            for _ in range(2):
                await asyncio.sleep(0)
                yield now()

    seen = [(step, now()) async for step in stream()]

    assert seen == [(("chat", "stream", "chunks"), NOTHING)] * 2


async def test_asynchronous_passes_everything_through(captured: Captured) -> None:
    """Sent values, thrown errors and the close reach a decorated asynchronous generator."""
    seen: list[Any] = []

    @baserun.trace
    async def conversation() -> AsyncGenerator[Any, Any]:
        try:
            answer = yield "first"
            try:
                answer = yield ("got", answer)
            except KeyError as error:
                yield ("caught", str(error))
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned up")

    steps = conversation()
    seen.append(await anext(steps))
    seen.append(await steps.asend("a"))
    seen.append(await steps.athrow(KeyError("k")))
    await steps.aclose()

    assert seen == ["first", ("got", "a"), ("caught", "'k'"), "cleaned up"]
    assert [trace.status for trace in captured.traces] == ["cancelled"]


async def test_asynchronous_steps_in_different_tasks(captured: Captured) -> None:
    """Each step of an asynchronous generator may run in a task of its own."""

    @baserun.with_session(session_identifier="chat")
    async def stream() -> AsyncGenerator[Any, None]:
        with baserun.span("open"):
            while True:
                await asyncio.sleep(0)
                yield now()[0]

    async def step() -> tuple[Any, Any]:
        return await anext(steps), now()

    steps = stream()
    seen = [await asyncio.create_task(step()) for _ in range(3)]
    await asyncio.create_task(steps.aclose())

    assert seen == [("chat", NOTHING)] * 3
    assert now() == NOTHING


async def test_task_begun_in_a_step_stays_in_the_session(captured: Captured) -> None:
    """A task that a generator starts is in its session, also between steps."""

    async def beside() -> Any:
        await started.wait()
        return now()[0]

    @baserun.with_session(session_identifier="chat")
    async def stream() -> AsyncGenerator[Any, None]:
        yield asyncio.create_task(beside())

    started = asyncio.Event()
    steps = stream()
    task = await anext(steps)
    started.set()
    seen = await task
    await steps.aclose()

    assert seen == "chat"


async def test_cancelled_in_a_step(captured: Captured) -> None:
    """Cancelling the consumer while it awaits a step ends the generator's trace as cancelled."""

    @baserun.trace(name="stream")
    async def stream() -> AsyncGenerator[int, None]:
        yield 1
        await asyncio.sleep(3600)

    async def read() -> None:
        async for _ in stream():
            reading.set()

    reading = asyncio.Event()
    task = asyncio.create_task(read())
    await reading.wait()
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(trace.name, trace.status) for trace in captured.traces] == [("stream", "cancelled")]


def test_finalised_by_the_event_loop(captured: Captured) -> None:
    """A half-read asynchronous generator that the loop finalises, in another task, ends as cancelled."""
    cleaned_up: list[Any] = []

    @baserun.with_session(session_identifier="chat")
    @baserun.trace(name="stream")
    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            cleaned_up.append(now()[0])

    async def main() -> None:
        async for _ in stream():
            break
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(main())

    assert cleaned_up == ["chat"]
    assert [(trace.session_id, trace.status) for trace in captured.traces] == [("chat", "cancelled")]


def test_finalised_at_the_end_of_the_loop(captured: Captured) -> None:
    """A half-read asynchronous generator that is still referenced when its loop ends is closed without an error."""
    complaints: list[Any] = []
    kept: list[Any] = []

    @baserun.trace(name="stream")
    async def stream() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            await asyncio.sleep(0)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        kept.append(stream())
        await anext(kept[0])

    asyncio.run(main())

    assert complaints == []
    assert [trace.status for trace in captured.traces] == ["cancelled"]


def test_bare_block_around_a_yield_leaks_between_steps(captured: Captured) -> None:
    """Without the decorator a block around a `yield` is current for the consumer between steps, as documented."""

    def stream() -> Generator[int, None, None]:
        with baserun.with_session(session_identifier="leaking"):
            yield 1

    steps = stream()
    next(steps)
    between = now()
    steps.close()

    assert between == ("leaking", None, None)
    assert now() == NOTHING


def test_decorated_generator_function_stays_one() -> None:
    """Frameworks inspect functions: a decorated generator function still counts as one."""

    @baserun.trace
    def steps() -> Iterator[int]:
        yield 1

    @baserun.trace
    async def asynchronous_steps() -> AsyncGenerator[int, None]:
        yield 1

    assert inspect.isgeneratorfunction(steps)
    assert inspect.isasyncgenfunction(asynchronous_steps)
