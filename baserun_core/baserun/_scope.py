"""The base of all blocks: usable as ``with``, as ``async with``, and as a decorator of any kind of function."""

from __future__ import annotations

import functools
import inspect
import sys
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator
from types import FunctionType, TracebackType
from typing import Any, Generic, TypeVar

from baserun._context import leave, replace
from baserun._error_text import withhold
from baserun._frame import Frame
from baserun.exceptions import BaserunError, ConfigurationError

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Scope(ABC, Generic[T]):
    """A block that opens something, makes it current, and closes it at its end.

    A subclass says what to open and close; this class handles every way of leaving. A scope can be entered once; as a
    decorator it makes a fresh scope for each call.
    """

    _frame: Frame | None = None
    _entered = False
    _is_stepped = False
    _outside: Frame | None = None
    """The frame outside: where the block was entered, or where the consumer asked for a generator's current step."""
    _inside: Frame | None = None
    """The frame inside a suspended generator, current again when it resumes."""

    @abstractmethod
    def _open(self) -> tuple[T, Frame]:
        """Open it, and return the value of the block and the frame to make current."""

    def _close(self, error: BaseException | None) -> None:
        """Close it; `error` is the exception that left the block, if any."""

    @abstractmethod
    def _again(self, function: Callable[..., Any]) -> Scope[T]:
        """Return a fresh scope like this one, for one call of a decorated function."""

    def _returned(self, value: object) -> None:
        """Take note that the decorated function returned `value`."""

    def __enter__(self) -> T:
        if self._entered:
            raise BaserunError(f"{self!r} was entered before; call it again for another block")
        self._entered = True
        value, self._frame = self._open()
        self._outside = replace(self._frame)
        return value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._frame is not None:
            leave(self._frame)
            if self._is_stepped:
                replace(self._outside)
            if error is not None and self._frame.contentless:
                withhold(error)
            self._frame = None
            self._close(error)

    async def __aenter__(self) -> T:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def __call__(self, function: F) -> F:
        """Decorate a function, coroutine function, generator or asynchronous generator."""
        if inspect.isclass(function):
            raise ConfigurationError(
                f"{self!r} decorates functions; put it on the methods of {function.__name__} instead"
            )
        if not (callable(function) or isinstance(function, classmethod)):
            raise ConfigurationError(f"{self!r} decorates functions, not {type(function).__name__}")
        return decorate(function, self._again)

    # Between the steps of a generator neither its block nor any block inside it is current, and each step may run in
    # another context. Their frames stay open: tasks that were started inside still see them.

    def _suspend(self) -> None:
        self._inside = replace(self._outside)

    def _resume(self) -> None:
        self._is_stepped = True
        self._outside = replace(self._inside)


def decorate(function: F, fresh: Callable[[Callable[..., Any]], Scope[Any]]) -> F:
    """Wrap `function` so that each call runs in a scope from `fresh`; the wrapper is the same kind of function."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(decorate(function.__func__, fresh))
    if _is(inspect.isasyncgenfunction, function):
        wrapper: Callable[..., Any] = _around_async_generator(function, fresh)
    elif _is(inspect.isgeneratorfunction, function):
        wrapper = _around_generator(function, fresh)
    elif _is(inspect.iscoroutinefunction, function):
        wrapper = _around_coroutine(function, fresh)
    else:
        wrapper = _around_function(function, fresh)
    return functools.wraps(function)(wrapper)  # type: ignore[return-value]


def _is(kind: Callable[[Any], bool], function: Callable[..., Any]) -> bool:
    """Whether `function` is of this kind, or an object whose ``__call__`` is."""
    return kind(function) or (type(function) is not FunctionType and kind(type(function).__call__))


def _around_function(function: Callable[..., Any], fresh: Callable[..., Scope[Any]]) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Any:
        scope = fresh(function)
        with scope:
            value = function(*args, **kwargs)
            scope._returned(value)
            return value

    return traced


def _around_coroutine(function: Callable[..., Any], fresh: Callable[..., Scope[Any]]) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> Any:
        scope = fresh(function)
        with scope:
            value = await function(*args, **kwargs)
            scope._returned(value)
            return value

    return traced


def _around_generator(function: Callable[..., Any], fresh: Callable[..., Scope[Any]]) -> Callable[..., Any]:
    def traced(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        scope = fresh(function)
        with scope:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(next, generator)
            while True:
                try:
                    value = step()
                except StopIteration as stop:
                    scope._returned(stop.value)
                    return stop.value
                scope._suspend()
                try:
                    sent = yield value
                except GeneratorExit:
                    scope._resume()
                    returned = generator.close()
                    if returned is not None:  # from Python 3.13 on, `close` returns what the generator returned
                        scope._returned(returned)
                        return returned
                    raise
                except BaseException as error:  # thrown in by the consumer: it is the inner generator's to handle
                    step = functools.partial(generator.throw, error)
                else:
                    step = functools.partial(generator.send, sent)
                scope._resume()

    return traced


def _around_async_generator(function: Callable[..., Any], fresh: Callable[..., Scope[Any]]) -> Callable[..., Any]:
    async def traced(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        scope = fresh(function)
        with scope:
            generator = function(*args, **kwargs)
            step: Callable[[], Any] = functools.partial(_first_step, generator)
            while True:
                try:
                    value = await step()
                except StopAsyncIteration:
                    return
                scope._suspend()
                try:
                    sent = yield value
                except GeneratorExit:
                    scope._resume()
                    await generator.aclose()
                    raise
                except BaseException as error:  # thrown in by the consumer: it is the inner generator's to handle
                    step = functools.partial(generator.athrow, error)
                else:
                    step = functools.partial(generator.asend, sent)
                scope._resume()

    return traced


def _first_step(generator: AsyncGenerator[Any, Any]) -> Any:
    """Begin `generator` without the event loop's hook: a loop that ends closes every async generator that it knows, and
    this one would be closed by the loop and by the generator around it at the same time.
    """
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(firstiter=None)
    try:
        return generator.__anext__()
    finally:
        sys.set_asyncgen_hooks(firstiter=hooks.firstiter)
