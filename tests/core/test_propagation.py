"""Carrying session, trace and span into threads, executors and tasks."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import baserun
from baserun.testing import Captured


def now() -> tuple[Any, Any, Any]:
    return baserun.current_session(), baserun.current_trace(), baserun.current_span()


def in_thread(function: Any) -> list[Any]:
    """Return what `function` returns in a thread, and what is current in that thread after it."""
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.extend((function(), now())))
    thread.start()
    thread.join()
    return seen


def test_into_a_thread(captured: Captured) -> None:
    """A wrapped function runs in the session, trace and span where it was wrapped; after it nothing is current."""
    with baserun.with_session("u"), baserun.start_trace("trace"), baserun.span("step"):
        here = now()
        seen = in_thread(baserun.propagate(now))

    assert seen == [here, (None, None, None)]


def test_what_a_thread_records(captured: Captured) -> None:
    """What a wrapped function records is below the span in which it was wrapped."""

    def work() -> None:
        with baserun.span("in the thread"):
            baserun.log("hello")

    with baserun.with_session("u") as session, baserun.start_trace("trace"), baserun.span("step") as step:
        in_thread(baserun.propagate(work))

    (trace,) = captured.traces
    assert trace.session_id == session.id
    assert [(span.name, span.parent_id) for span in captured.spans] == [("step", None), ("in the thread", step.id)]
    assert [note.span_id for note in captured.annotations] == [captured.spans[1].id]


def test_into_an_executor(captured: Captured) -> None:
    """Wrapped calls that share a pool's thread are each in the session where they were submitted."""
    with ThreadPoolExecutor(1) as executor:
        results = []
        for name in ("a", "b"):
            with baserun.with_session(session_identifier=name):
                results.append(executor.submit(baserun.propagate(now)))
        plain = executor.submit(now)

    assert [result.result()[0].id for result in results] == ["a", "b"]
    assert plain.result() == (None, None, None)


def test_arguments_results_and_errors_pass(captured: Captured) -> None:
    """A wrapped function keeps its signature, arguments, result and errors."""

    def divide(a: int, *, by: int) -> float:
        return a / by

    carried = baserun.propagate(divide)

    assert carried(6, by=3) == 2
    assert inspect.signature(carried) == inspect.signature(divide)
    with pytest.raises(ZeroDivisionError):
        carried(1, by=0)


def test_callables_of_every_kind(captured: Captured) -> None:
    """Partials, bound methods, builtins, classes and callable objects can be wrapped."""

    class Worker:
        def method(self, value: int) -> int:
            return value

        def __call__(self, value: int) -> int:
            return value

    assert baserun.propagate(functools.partial(Worker().method, 1))() == 1
    assert baserun.propagate(Worker().method)(2) == 2
    assert baserun.propagate(Worker())(3) == 3
    assert baserun.propagate(len)("four") == 4
    assert isinstance(baserun.propagate(Worker)(), Worker)


def test_the_place_of_wrapping_counts(captured: Captured) -> None:
    """A wrapped function runs in the session where it was wrapped, and the caller's session is current after it."""
    with baserun.with_session(session_identifier="wrapped"):
        carried = baserun.propagate(now)
    with baserun.with_session(session_identifier="called") as called:
        inside = carried()
        after = now()

    assert inside[0].id == "wrapped"
    assert after == (called, None, None)


def test_wrapped_where_nothing_is_current(captured: Captured) -> None:
    """A function wrapped where nothing is current runs with nothing current."""
    carried = baserun.propagate(now)

    with baserun.with_session():
        inside = carried()

    assert inside == (None, None, None)


def test_after_the_block_is_left(captured: Captured) -> None:
    """A wrapped function that runs after its block was left is still in the session, in a new trace."""

    def work() -> None:
        with baserun.span("later"):
            pass

    with baserun.with_session(session_identifier="chat"), baserun.start_trace("request"):
        carried = baserun.propagate(work)
    in_thread(carried)

    assert [(trace.name, trace.session_id) for trace in captured.traces] == [("request", "chat"), ("later", "chat")]


async def test_into_a_task_that_outlives_its_block(captured: Captured) -> None:
    """A task of a wrapped coroutine function keeps its session after the block is left."""

    async def work() -> Any:
        before = now()[0]
        await left.wait()
        return before, now()[0]

    left = asyncio.Event()
    with baserun.with_session() as session:
        task = asyncio.create_task(baserun.propagate(work)())
    left.set()

    assert await task == (session, session)


def test_generator(captured: Captured) -> None:
    """A wrapped generator is in the session in each step, and its consumer is not."""

    def steps() -> Iterator[Any]:
        yield now()[0]
        yield now()[0]

    with baserun.with_session() as session:
        carried = baserun.propagate(steps)

    assert [(step, now()) for step in carried()] == [(session, (None, None, None))] * 2


async def test_asynchronous_generator(captured: Captured) -> None:
    """A wrapped asynchronous generator is in the session in each step, and its consumer is not."""

    async def steps() -> AsyncIterator[Any]:
        yield now()[0]
        await asyncio.sleep(0)
        yield now()[0]

    with baserun.with_session() as session:
        carried = baserun.propagate(steps)

    assert [(step, now()) async for step in carried()] == [(session, (None, None, None))] * 2


def test_a_user_who_becomes_known_in_a_thread(captured: Captured) -> None:
    """A user identified in a thread is the user of the session everywhere."""
    with baserun.with_session() as session:
        in_thread(baserun.propagate(lambda: baserun.identify("u")))
        user = session.user_identifier

    assert user == "u"
    assert [stored.user_identifier for stored in captured.sessions] == ["u"]


def test_many_calls_of_one_carried_function(captured: Captured) -> None:
    """A wrapped function can be called any number of times, also at once."""
    with baserun.with_session() as session:
        carried = baserun.propagate(now)
    with ThreadPoolExecutor(8) as executor:
        seen = [result.result()[0] for result in [executor.submit(carried) for _ in range(100)]]

    assert seen == [session] * 100


def test_contexts_carry_it_too(captured: Captured) -> None:
    """`contextvars.copy_context().run` in a thread carries the session while its block is open."""
    with baserun.with_session() as session:
        context = contextvars.copy_context()
        seen = in_thread(lambda: context.run(now))

    assert seen[0] == (session, None, None)


async def test_to_thread(captured: Captured) -> None:
    """`asyncio.to_thread` carries the session without `propagate`."""
    with baserun.with_session() as session:
        seen = await asyncio.to_thread(now)

    assert seen[0] is session


def test_old_name() -> None:
    """`thread_wrapper`, the name in earlier releases, is the same function."""
    assert baserun.thread_wrapper is baserun.propagate
