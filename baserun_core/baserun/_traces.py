"""Traces and spans as blocks and decorators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from baserun._arguments import check_bool, check_metadata, check_text
from baserun._context import child, current
from baserun._current import recorder
from baserun._frame import Frame
from baserun._model import RUNNING, Span, Trace
from baserun._scope import Scope
from baserun.exceptions import ConfigurationError

F = TypeVar("F", bound=Callable[..., Any])


@overload
def trace(function: F, /) -> F: ...


@overload
def trace(*, name: str | None = None, metadata: Mapping[str, Any] | None = None) -> Callable[[F], F]: ...


def trace(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Any:
    """Decorate a function: each call is recorded as a trace or, inside a trace, as a span of kind ``function``.

        @baserun.trace
        def answer(question): ...

        @baserun.trace(name="answer", metadata={"version": 2})
        async def answer(question): ...

    Works on functions, coroutine functions, generators, async generators and methods. The return value is recorded as
    the result.

    Args:
        function: The function, when used as ``@baserun.trace``.
        name: The name of the trace; by default the function's qualified name.
        metadata: Facts that are the same for every call.

    Raises:
        ConfigurationError: An argument cannot be used.
    """
    scope = TraceScope(check_text(name, "name") if name is not None else None, "function", check_metadata(metadata))
    if function is None:
        return scope
    if isinstance(function, str):
        raise ConfigurationError(f"write @baserun.trace(name={function!r}), or @baserun.trace alone")
    return scope(function)


def start_trace(
    name: str, *, metadata: Mapping[str, Any] | None = None, kind: str = "function", new: bool = False
) -> TraceScope:
    """Record a block as a trace or, inside a trace, as a span of kind ``function``.

        with baserun.start_trace(name="answer") as trace:
            trace.metadata["language"] = "en"
            trace.result = ...

    Args:
        name: The name of the trace or span.
        metadata: Facts known beforehand; the block can add more.
        kind: The kind of a trace, such as ``function``, ``request`` or ``test``; a span always is a ``function``.
        new: Open another trace of the session even inside a trace.

    Raises:
        ConfigurationError: An argument cannot be used.
    """
    return TraceScope(
        _checked_name(name, "start_trace"),
        check_text(kind, "kind"),
        check_metadata(metadata),
        new=check_bool(new, "new"),
    )


def span(name: str, kind: str = "function", *, metadata: Mapping[str, Any] | None = None) -> SpanScope:
    """Record a block as a span of the current trace, or of a trace of its own if there is none.

        with baserun.span("lookup_order", kind="tool") as span:
            span.result = ...

    Args:
        name: The name of the span.
        kind: The kind of work, such as ``tool``, ``retrieval`` or ``function``.
        metadata: Facts known beforehand; the block can add more.

    Raises:
        ConfigurationError: An argument cannot be used.
    """
    return SpanScope(_checked_name(name, "span"), check_text(kind, "kind"), check_metadata(metadata))


def _checked_name(name: object, taker: str) -> str:
    if not isinstance(name, str) and callable(name):
        raise ConfigurationError(f"{taker}() takes a name; as a decorator, it is written @baserun.{taker}('name')")
    return check_text(name, "name")


def current_trace() -> Trace | None:
    """Return the trace that this code runs in, or None."""
    frame = current()
    trace = None if frame is None else frame.trace
    if trace is not None and trace.at_touch is not None and trace.follows is not None:
        return trace.follows  # that of a message has ended, but a feedback token is still for it
    return None if trace is None or trace.status is not RUNNING else trace


def current_span() -> Span | None:
    """Return the innermost span that this code runs in, or None."""
    frame = current()
    return None if frame is None else frame.span


class SpanScope(Scope[Span]):
    """The block or decorator that `span` returns."""

    _span: Span | None = None

    def __init__(self, name: str, kind: str, metadata: dict[str, Any] | None) -> None:
        self._name = name
        self._kind = kind
        self._metadata = metadata

    def __repr__(self) -> str:
        return f"span({self._name!r})"

    def _again(self, function: Callable[..., Any]) -> SpanScope:
        return SpanScope(self._name, self._kind, None if self._metadata is None else dict(self._metadata))

    def _open(self) -> tuple[Span, Frame]:
        outer = current()
        opened = self._span = recorder().start_span(outer, self._name, self._kind, self._metadata)
        return opened, child(outer, session=opened.trace.session, trace=opened.trace, span=opened)

    def _close(self, error: BaseException | None) -> None:
        if self._span is not None:
            recorder().finish_span(self._span, error)

    def _returned(self, value: object) -> None:
        if self._span is not None and self._span.result is None:
            self._span.result = value


class TraceScope(Scope[Trace | Span]):
    """The block or decorator that `trace` and `start_trace` return."""

    def __init__(self, name: str | None, kind: str, metadata: dict[str, Any] | None, *, new: bool = False) -> None:
        self._name = name
        self._kind = kind
        self._metadata = metadata
        self._new = new
        self._opened: Trace | Span | None = None

    def __repr__(self) -> str:
        return "trace" if self._name is None else f"start_trace({self._name!r})"

    def _again(self, function: Callable[..., Any]) -> TraceScope:
        name = self._name or getattr(function, "__qualname__", None) or type(function).__name__
        return TraceScope(name, self._kind, None if self._metadata is None else dict(self._metadata), new=self._new)

    def _open(self) -> tuple[Trace | Span, Frame]:
        outer = current()
        name = self._name or "trace"
        inside = outer is not None and outer.trace is not None and outer.trace.status is RUNNING
        if inside and not self._new:
            opened = self._opened = recorder().start_span(outer, name, "function", self._metadata)
            return opened, child(outer, session=opened.trace.session, trace=opened.trace, span=opened)
        begun = self._opened = recorder().start_trace(outer, name, self._kind, self._metadata)
        return begun, child(outer, session=begun.session, trace=begun, span=None)

    def _close(self, error: BaseException | None) -> None:
        if isinstance(self._opened, Span):
            recorder().finish_span(self._opened, error)
        elif self._opened is not None:
            recorder().finish_trace(self._opened, error)

    def _returned(self, value: object) -> None:
        if self._opened is not None and self._opened.result is None:
            self._opened.result = value
