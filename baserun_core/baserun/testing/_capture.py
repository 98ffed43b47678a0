"""Recording into a separate store in a block, for tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from weakref import finalize

from baserun._arguments import check_timeout
from baserun._clock import Clock, Ids
from baserun._current import build, enter_block, leave_block
from baserun._ledger import Stats
from baserun._runtime import Runtime
from baserun.exceptions import ConfigurationError
from baserun.store import (
    Page,
    Store,
    StoredAnnotation,
    StoredCall,
    StoredSession,
    StoredSpan,
    StoredTrace,
    StoredUser,
    open_store,
)
from baserun.store._location import forget_memory

T = TypeVar("T")

_stores = itertools.count(1)


class Captured:
    """What a `capture` block has recorded so far. Each property first waits until queued records are written."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._store = open_store(runtime.config.store, budget=None)

    @property
    def store(self) -> Store:
        """The store itself, for all other queries."""
        self.flush()
        return self._store

    @property
    def sessions(self) -> list[StoredSession]:
        """All sessions with their traces and annotations, in the order in which they started."""
        store = self.store
        found = [session for row in _all(store.sessions) if (session := store.session(row.id))]
        return sorted(found, key=_beginning)

    @property
    def traces(self) -> list[StoredTrace]:
        """All traces with their spans and annotations, in the order in which they started."""
        store = self.store
        found = [trace for row in _all(store.traces) if (trace := store.trace(row.id))]
        return sorted(found, key=_beginning)

    @property
    def spans(self) -> list[StoredSpan]:
        """All spans, in the order in which they started."""
        found = [span for trace in self.traces for span in trace.spans or []]
        return sorted(found, key=_beginning)

    @property
    def calls(self) -> list[StoredCall]:
        """All calls to models, in the order in which they started."""
        return [span for span in self.spans if isinstance(span, StoredCall)]

    @property
    def annotations(self) -> list[StoredAnnotation]:
        """All annotations of traces and sessions, in the order in which they were made."""
        of_traces = [note for trace in self.traces for note in trace.annotations or []]
        of_sessions = [note for session in self.sessions for note in session.annotations or []]
        return sorted([*of_traces, *of_sessions], key=lambda note: (note.created_at, note.id))

    @property
    def users(self) -> list[StoredUser]:
        """All users."""
        return _all(self.store.users)

    @property
    def stats(self) -> Stats:
        """The ledger of this block."""
        self.flush()
        return self._runtime.writer.stats()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait up to `timeout` seconds until queued records are written; return whether they are committed.

        Raises:
            ConfigurationError: `timeout` is not a number of seconds.
        """
        return self._runtime.writer.flush(check_timeout(timeout))


def _all(question: Callable[..., Page[T]]) -> list[T]:
    """Read all pages of a list of the store."""
    page = question(limit=1000)
    found = list(page)
    while page.next is not None:
        page = question(limit=1000, after=page.next)
        found.extend(page)
    return found


def _beginning(item: StoredSession | StoredTrace | StoredSpan) -> tuple[datetime, str]:
    return item.started_at, item.id  # with a clock that stands still, `CountingIds` give the order


@contextmanager
def capture(*, clock: Clock | None = None, ids: Ids | None = None, **options: Any) -> Iterator[Captured]:
    """Record into a fresh store in this block, whatever is configured, so that a test can look at it.

        with baserun.testing.capture() as captured:
            with baserun.with_session(user_identifier="u") as session:
                ...
        assert captured.sessions[0].user_identifier == "u"

    An `init` within the block takes effect at its end.

    Args:
        clock: The source of times, such as a `FakeClock`.
        ids: The source of ids, such as `CountingIds`.
        options: The options of `baserun.init`. The store is in memory unless given; the environment is not read.

    Raises:
        ConfigurationError: An argument or option cannot be used.
        TypeError: There is no such option.
    """
    _check_source(clock, "clock", "FakeClock()", ("now_us", "monotonic_ns"))
    _check_source(ids, "ids", "CountingIds()", ("session", "trace", "span", "annotation"))
    own = f"memory:capture-{next(_stores)}"
    options.setdefault("store", own)
    fresh = build(options, clock=clock, ids=ids)
    enter_block(fresh)
    captured = Captured(fresh)
    finalize(captured.store, forget_memory, own).atexit = False  # it can be read until nobody has it any more
    try:
        yield captured
    finally:
        captured.flush()
        leave_block(fresh)
        fresh.writer.close(10.0)


def _check_source(given: object, what: str, example: str, methods: tuple[str, ...]) -> None:
    is_one = not isinstance(given, type) and all(callable(getattr(given, method, None)) for method in methods)
    if given is not None and not is_one:
        raise ConfigurationError(
            f"{what} must be an object with the methods {', '.join(methods)}, such as {example}, not {given!r}"
        )
