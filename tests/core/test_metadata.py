"""Metadata and tags of any type: recorded or described, without an error at the end of a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

import baserun
from baserun.exceptions import ConfigurationError
from baserun.store import StoredAnnotation, StoredSpan, StoredTrace
from baserun.testing import Captured


def _refuse(*_: object) -> Any:
    raise RuntimeError("not to be asked")


class Refusing(dict[str, Any]):
    """A dict whose methods all raise."""

    __iter__ = __len__ = __contains__ = __getitem__ = items = keys = copy = _refuse


class Unreadable(Mapping[str, Any]):
    """A mapping that cannot be converted to a dict."""

    __len__ = __getitem__ = _refuse

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("not to be asked")


class Untruthful:
    """An object whose truth value and `__class__` raise."""

    __bool__ = _refuse
    __class__ = property(_refuse)


def _parts(trace: StoredTrace) -> tuple[StoredTrace, StoredSpan, StoredAnnotation | None]:
    """Return a trace, its only span, and its first annotation."""
    assert trace.spans is not None
    assert trace.annotations is not None
    (span,) = trace.spans
    return trace, span, trace.annotations[0] if trace.annotations else None


def test_methods_of_given_metadata_are_not_called(captured: Captured) -> None:
    """Metadata of a dict subclass is recorded without calling its methods."""
    with (
        baserun.with_session(metadata=Refusing(a=1)),
        baserun.start_trace("t", metadata=Refusing(b=2)),
        baserun.span("s", metadata=Refusing(c=3)),
    ):
        baserun.log("hello", metadata=Refusing(d=4))

    (session,) = captured.sessions
    ((trace, span, annotation),) = map(_parts, captured.traces)
    assert (session.metadata, trace.metadata, span.metadata) == ({"a": 1}, {"b": 2}, {"c": 3})
    assert annotation is not None
    assert annotation.metadata == {"d": 4}


@pytest.mark.parametrize(
    ("make", "recorded"),
    [
        (lambda: Refusing(a=1), {"a": 1}),
        (lambda: "text", {"value": "text"}),
        (lambda: [1, 2], {"value": [1, 2]}),
        (Untruthful, {"value": f"<{Untruthful.__module__}.Untruthful>"}),
        (lambda: None, None),
    ],
    ids=["dict that refuses", "text", "list", "object", "none"],
)
def test_assigned_metadata_is_recorded_or_described(make: Callable[[], Any], recorded: Any, captured: Captured) -> None:
    """Assigning anything to metadata or tags neither raises at the end of the block nor loses the record."""
    assigned = make()
    with baserun.with_session() as session:
        with baserun.start_trace("t") as trace:
            with baserun.span("s") as span:
                span.metadata = assigned
            assert isinstance(trace, baserun.Trace)
            trace.metadata = trace.tags = assigned
        session.metadata = assigned

    ((stored, stored_span, _),) = map(_parts, captured.traces)
    assert (stored_span.metadata, stored.metadata, stored.tags) == (recorded, recorded, recorded or {})
    (ended,) = captured.sessions
    assert (ended.metadata, ended.ended_at is None) == (recorded, False)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Unreadable, "metadata cannot be read: its items() raises RuntimeError"),
        (Untruthful, "metadata must be a dict such as {'plan': 'pro'}, not Untruthful"),
    ],
)
def test_metadata_that_cannot_be_read_is_a_wrong_argument(
    make: Callable[[], Any], message: str, captured: Captured
) -> None:
    """Metadata that cannot be read raises our `ConfigurationError`, not its own error."""
    with pytest.raises(ConfigurationError) as told:
        baserun.log("hello", metadata=make())

    assert message in str(told.value)
