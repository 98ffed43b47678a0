"""Decorated functions: kind, arguments, result and errors stay the same, and each call is recorded."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

import pytest

import baserun
from baserun.testing import Captured


def names(captured: Captured) -> list[tuple[str, str, Any]]:
    return [(trace.name, trace.status, trace.result) for trace in captured.traces]


def test_function(captured: Captured) -> None:
    """A decorated function returns the same; the call is a trace with its name and result."""

    @baserun.trace
    def add(a: int, b: int = 2) -> int:
        return a + b

    returned = add(1, b=4)

    assert returned == 5
    assert names(captured) == [("test_function.<locals>.add", "ok", 5)]


def test_name_and_metadata(captured: Captured) -> None:
    """The decorator's name and metadata apply to all calls; what one call adds stays with it."""

    @baserun.trace(name="answer", metadata={"version": 1})
    def work(number: int) -> None:
        trace = baserun.current_trace()
        assert trace is not None
        trace.metadata["number"] = number

    work(1)
    work(2)

    assert [(trace.name, trace.metadata) for trace in captured.traces] == [
        ("answer", {"version": 1, "number": 1}),
        ("answer", {"version": 1, "number": 2}),
    ]


def test_decorated_function_inside_a_trace_is_a_span(captured: Captured) -> None:
    """Inside a trace a decorated function is a span of kind ``function`` with its result."""

    @baserun.trace(name="inner")
    def inner() -> str:
        return "done"

    with baserun.start_trace("outer"):
        inner()

    assert [(span.name, span.kind, span.output) for span in captured.spans] == [("inner", "function", "done")]
    assert len(captured.traces) == 1


def test_own_result_wins(captured: Captured) -> None:
    """A result that the function sets itself is kept, not replaced by its return value."""

    @baserun.trace(name="work")
    def work() -> str:
        trace = baserun.current_trace()
        assert trace is not None
        trace.result = "the gist of it"
        return "a very long answer"

    work()

    assert names(captured) == [("work", "ok", "the gist of it")]


def test_error(captured: Captured) -> None:
    """An exception passes unchanged and is recorded."""
    error = KeyError("k")

    @baserun.trace(name="work")
    def work() -> None:
        raise error

    with pytest.raises(KeyError) as raised:
        work()

    assert raised.value is error
    assert names(captured) == [("work", "error", None)]


def test_recursion(captured: Captured) -> None:
    """A function that calls itself is a trace with nested spans."""

    @baserun.trace(name="countdown")
    def countdown(number: int) -> int:
        return 0 if number == 0 else countdown(number - 1)

    countdown(3)

    assert len(captured.traces) == 1
    assert [span.name for span in captured.spans] == ["countdown"] * 3


async def test_coroutine_function(captured: Captured) -> None:
    """A decorated coroutine function stays one; its trace lasts until it has returned."""

    @baserun.trace(name="work")
    async def work() -> str:
        await asyncio.sleep(0)
        trace = baserun.current_trace()
        return "" if trace is None else trace.name

    returned = await work()

    assert returned == "work"
    assert inspect.iscoroutinefunction(work)
    assert names(captured) == [("work", "ok", "work")]


async def test_asynchronous_callable_object(captured: Captured) -> None:
    """An object whose `__call__` is a coroutine function is recorded until it has returned."""

    class Agent:
        async def __call__(self) -> str:
            await asyncio.sleep(0)
            return "answer"

    agent = baserun.trace(name="agent")(Agent())

    assert await agent() == "answer"
    assert names(captured) == [("agent", "ok", "answer")]


async def test_partial_of_a_coroutine_function(captured: Captured) -> None:
    """A `functools.partial` of a coroutine function is recorded until it has returned."""

    async def work(answer: str) -> str:
        return answer

    decorated = baserun.trace(name="partial")(functools.partial(work, "answer"))

    assert await decorated() == "answer"
    assert names(captured) == [("partial", "ok", "answer")]


class Agent:
    """Has every kind of method, decorated on either side of Python's own decorators."""

    @baserun.trace(name="method")
    def method(self, word: str) -> tuple[Any, str]:
        return type(self), word

    @classmethod
    @baserun.trace(name="inside class method")
    def inside_class_method(cls, word: str) -> tuple[Any, str]:
        return cls, word

    @baserun.trace(name="around class method")
    @classmethod
    def around_class_method(cls, word: str) -> tuple[Any, str]:
        return cls, word

    @staticmethod
    @baserun.trace(name="inside static method")
    def inside_static_method(word: str) -> tuple[Any, str]:
        return Agent, word

    @baserun.trace(name="around static method")
    @staticmethod
    def around_static_method(word: str) -> tuple[Any, str]:
        return Agent, word


@pytest.mark.parametrize(
    "name",
    ["method", "inside_class_method", "around_class_method", "inside_static_method", "around_static_method"],
)
def test_methods(captured: Captured, name: str) -> None:
    """Decorated methods of every kind are bound as without the decorator."""
    returned = getattr(Agent(), name)("word")

    assert returned == (Agent, "word")
    assert [trace.name for trace in captured.traces] == [name.replace("_", " ")]


def test_class_methods_without_an_instance(captured: Captured) -> None:
    """Class and static methods work on the class itself."""
    assert Agent.around_class_method("word") == (Agent, "word")
    assert Agent.around_static_method("word") == (Agent, "word")


def test_signature_and_names_are_kept() -> None:
    """A decorated function keeps its signature, names and docstring."""

    def work(a: int, *, b: str = "b") -> float:
        """What it does."""
        return 0.0

    decorated = baserun.trace(work)

    assert inspect.signature(decorated) == inspect.signature(work)
    assert (decorated.__name__, decorated.__qualname__, decorated.__doc__, decorated.__module__) == (
        work.__name__,
        work.__qualname__,
        work.__doc__,
        work.__module__,
    )
    assert inspect.unwrap(decorated) is work


def test_with_session_as_decorator(captured: Captured) -> None:
    """Each call of a function with `@with_session` is a session of its own."""

    @baserun.with_session("u")
    def visit() -> Any:
        return baserun.current_session()

    sessions = [visit(), visit()]

    assert [session.user_identifier for session in captured.sessions] == ["u", "u"]
    assert sessions[0] is not sessions[1]
    assert baserun.current_session() is None


async def test_with_session_as_decorator_of_a_coroutine_function(captured: Captured) -> None:
    """Calls of a coroutine function with `@with_session` that run at once have a session each."""

    @baserun.with_session()
    async def visit() -> tuple[Any, Any]:
        before = baserun.current_session()
        await asyncio.sleep(0)
        return before, baserun.current_session()

    seen = await asyncio.gather(*(visit() for _ in range(20)))

    assert all(before is after for before, after in seen)
    assert len({before.id for before, _ in seen}) == 20


def test_span_and_suppress_as_decorators(captured: Captured) -> None:
    """`span` and `suppress` work as decorators."""

    @baserun.span("lookup", kind="tool")
    def lookup() -> str:
        return "found"

    @baserun.suppress()
    def quiet() -> str:
        return lookup()

    assert (lookup(), quiet()) == ("found", "found")
    assert [(span.name, span.kind, span.output) for span in captured.spans] == [("lookup", "tool", "found")]


def test_class_is_refused() -> None:
    """Decorating a class raises, and the message says what to do instead."""
    with pytest.raises(baserun.ConfigurationError, match="put it on the methods of Refused instead"):

        @baserun.trace
        class Refused:
            pass
