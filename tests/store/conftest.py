"""Real SQLite files in temporary folders, and short ways to make rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from baserun.store import Sink, Store, open_sink, open_store


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "store" / "baserun.sqlite3"


@pytest.fixture(name="sink")
def _sink(path: Path) -> Iterator[Sink]:
    sink = open_sink(path)
    yield sink
    sink.close()


@pytest.fixture(name="store")
def _store(path: Path) -> Iterator[Store]:
    store = open_store(path)
    yield store
    store.close()


@pytest.fixture(name="new_store")
def _new_store(tmp_path: Path) -> Iterator[Callable[[], tuple[Sink, Store]]]:
    """Makes a sink and the store that it writes to, as often as it is called."""
    with ExitStack() as stack:
        count = iter(range(10_000))

        def make() -> tuple[Sink, Store]:
            path = tmp_path / f"{next(count)}.sqlite3"
            sink, store = open_sink(path), open_store(path)
            stack.callback(store.close)
            stack.callback(sink.close)
            return sink, store

        yield make
