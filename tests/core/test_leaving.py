"""Leaving a block, in whatever way and context, makes current again what was current around it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import CancelledError as FutureCancelledError
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest

import baserun
from baserun._context import current
from baserun._frame import Frame
from baserun.testing import Captured

Block = Callable[[], Any]

BLOCKS: dict[str, Block] = {
    "with_session": lambda: baserun.with_session(session_identifier="inner"),
    "start_trace": lambda: baserun.start_trace("inner"),
    "span": lambda: baserun.span("inner"),
    "suppress": baserun.suppress,
    "extract": lambda: baserun.extract({"baggage": "session.id=inner"}),
}


def now() -> tuple[Any, Any, Any]:
    return baserun.current_session(), baserun.current_trace(), baserun.current_span()


@pytest.fixture(name="around")
def _around(captured: Captured) -> Iterator[tuple[Any, Any, Any]]:
    """Open a session, trace and span around the block that a test leaves."""
    with baserun.with_session("u"), baserun.start_trace("outer"), baserun.span("outer"):
        yield now()


@pytest.fixture(name="block", params=BLOCKS)
def _block(request: pytest.FixtureRequest) -> Any:
    return BLOCKS[request.param]()


Around = tuple[Any, Any, Any]


def test_return(around: Around, block: Any) -> None:
    """A `return` leaves the block."""

    def work() -> None:
        with block:
            return

    work()

    assert now() == around


def test_exception(around: Around, block: Any) -> None:
    """An exception passes through the block unchanged, and leaves it."""
    error = ValueError("no")

    with pytest.raises(ValueError, match="no") as raised, block:
        raise error

    assert raised.value is error
    assert now() == around


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), asyncio.CancelledError()])
def test_base_exception(around: Around, block: Any, error: BaseException) -> None:
    """A `BaseException` passes through the block unchanged, and leaves it."""
    with pytest.raises(type(error)) as raised, block:
        raise error

    assert raised.value is error
    assert now() == around


def test_closed_generator(around: Around, block: Any) -> None:
    """A block around a `yield` is left when the generator is closed."""

    def steps() -> Iterator[int]:
        with block:
            yield 1

    generator = steps()
    next(generator)
    generator.close()  # type: ignore[attr-defined]

    assert now() == around


def test_another_context(around: Around, block: Any) -> None:
    """A block entered in another context can be left here; both contexts are then as before."""
    context = contextvars.copy_context()
    context.run(block.__enter__)

    block.__exit__(None, None, None)

    assert now() == around
    assert context.run(now) == around


def test_entered_here_left_in_another_context(around: Around, block: Any) -> None:
    """A block entered here and left in another context is no longer current here."""
    block.__enter__()

    contextvars.copy_context().run(block.__exit__, None, None, None)

    assert now() == around


def test_another_thread(around: Around, block: Any) -> None:
    """A block that another thread leaves is no longer current in this one."""
    block.__enter__()
    leaver = threading.Thread(target=block.__exit__, args=(None, None, None))
    leaver.start()
    leaver.join()

    assert now() == around


def test_out_of_order(around: Around, block: Any) -> None:
    """When the outer of two blocks is left first, the inner one stays current until it is left too."""
    inner = baserun.with_session(session_identifier="innermost")
    block.__enter__()
    session = inner.__enter__()

    block.__exit__(None, None, None)
    between = baserun.current_session()
    inner.__exit__(None, None, None)

    assert between is session
    assert now() == around


def test_exit_stack_closed_elsewhere(around: Around, block: Any) -> None:
    """All blocks of an `ExitStack` that is closed in another context are left."""
    stack = ExitStack()
    stack.enter_context(block)
    stack.enter_context(baserun.with_session(session_identifier="second"))

    contextvars.copy_context().run(stack.close)

    assert now() == around


async def test_async_exit_stack_closed_in_another_task(captured: Captured) -> None:
    """Blocks of an `AsyncExitStack` that another task closes are left here as well."""
    stack = AsyncExitStack()
    with baserun.with_session("u") as outer:
        await stack.enter_async_context(baserun.with_session(session_identifier="first"))
        await stack.enter_async_context(baserun.start_trace("second"))
        await asyncio.create_task(stack.aclose())
        here = now()

    assert here == (outer, None, None)


async def test_cancellation(captured: Captured) -> None:
    """A cancelled task leaves its blocks; its trace is cancelled, not failed."""

    async def work() -> None:
        try:
            with baserun.with_session(session_identifier="inner"), baserun.start_trace("work"):
                started.set()
                await asyncio.sleep(3600)
        finally:
            seen.append(baserun.current_session())

    seen: list[Any] = []
    started = asyncio.Event()
    with baserun.with_session(session_identifier="outer") as outer:
        task = asyncio.create_task(work())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        here = baserun.current_session()

    assert (seen, here) == ([outer], outer)
    assert [(trace.session_id, trace.status, trace.error) for trace in captured.traces] == [
        ("inner", "cancelled", None)
    ]


async def test_timeout(captured: Captured) -> None:
    """A trace that `asyncio.timeout` interrupts is cancelled."""
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            with baserun.start_trace("work"):
                await asyncio.sleep(3600)

    assert now() == (None, None, None)
    assert [trace.status for trace in captured.traces] == ["cancelled"]


def test_errors_that_are_only_named_cancelled_are_errors(captured: Captured) -> None:
    """An ordinary exception whose name says that something was cancelled makes the trace an error."""

    class Cancelled(Exception):
        pass

    for error in (Cancelled("the order"), FutureCancelledError()):
        with pytest.raises(type(error)), baserun.start_trace("work"):
            raise error

    assert [trace.status for trace in captured.traces] == ["error", "error"]


async def test_tasks_do_not_see_one_another(captured: Captured) -> None:
    """Tasks that run in turns each see their own session."""

    async def visit(name: str) -> list[Any]:
        seen: list[Any] = []
        with baserun.with_session(session_identifier=name):
            for _ in range(5):
                await asyncio.sleep(0)
                session = baserun.current_session()
                seen.append(session and session.id)
        return seen

    seen = await asyncio.gather(*(visit(f"s{number}") for number in range(10)))

    assert seen == [[f"s{number}"] * 5 for number in range(10)]
    assert baserun.current_session() is None


async def test_task_is_in_the_session_it_was_begun_in(captured: Captured) -> None:
    """A task is in the session in which it was created."""

    async def beside() -> Any:
        return baserun.current_session()

    with baserun.with_session() as session:
        seen = await asyncio.create_task(beside())

    assert seen is session


async def test_task_that_outlives_the_block(captured: Captured) -> None:
    """A task begun in a block is outside it too once the block is left, unlike with `propagate`."""

    async def beside() -> Any:
        await left.wait()
        return baserun.current_session()

    left = asyncio.Event()
    with baserun.with_session(session_identifier="outer") as outer:
        with baserun.with_session(session_identifier="inner"):
            task = asyncio.create_task(beside())
        left.set()
        seen = await task

    assert seen is outer


def test_context_manager_function(captured: Captured) -> None:
    """A block around the `yield` of a `@contextmanager` function is current in the `with` body."""

    @contextmanager
    def visit() -> Iterator[Any]:
        with baserun.with_session() as session:
            yield session

    with visit() as session:
        inside = baserun.current_session()

    assert inside is session
    assert baserun.current_session() is None


async def test_asynchronous_context_manager_function(captured: Captured) -> None:
    """A block around the `yield` of an `@asynccontextmanager` function is current in the `async with` body."""

    @asynccontextmanager
    async def visit() -> AsyncIterator[Any]:
        async with baserun.with_session() as session:
            yield session

    async with visit() as session:
        inside = baserun.current_session()

    assert inside is session
    assert baserun.current_session() is None


def test_threads_start_without_a_session(captured: Captured) -> None:
    """In a thread started without `propagate` nothing is current."""
    seen: list[Any] = []

    with baserun.with_session():
        thread = threading.Thread(target=lambda: seen.append(now()))
        thread.start()
        thread.join()

    assert seen == [(None, None, None)]


def test_left_blocks_are_released(captured: Captured) -> None:
    """A long-lived context, such as a worker's, keeps no reference to the blocks it has left."""
    with baserun.with_session("u") as session, baserun.start_trace("work"), baserun.span("step"):
        pass
    gone = weakref.ref(session)
    del session
    captured.flush()
    gc.collect()

    assert gone() is None


def chain_length() -> int:
    length, frame = 0, current()
    while frame is not None:
        length, frame = length + 1, frame.parent
    return length


def test_sessions_that_replace_one_another_form_no_chain(captured: Captured) -> None:
    """A loop that starts the next session before it ends the last keeps no frames of earlier ones."""
    session = baserun.start_session()
    for _ in range(100):
        following = baserun.start_session()
        session.end()
        session = following

    assert chain_length() <= 2


def test_endless_loop_in_one_context_does_not_grow(captured: Captured) -> None:
    """Twenty thousand blocks in one context leave no frame behind."""

    def frames() -> int:
        gc.collect()
        return sum(type(each) is Frame for each in gc.get_objects())

    before = frames()
    for _ in range(20_000):
        with baserun.suppress(), baserun.with_session("u"), baserun.start_trace("work"):
            pass

    assert frames() <= before + 1
