"""Counting what pruning would remove, without removing it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from baserun.store import Sink, Store
from baserun.store.rows import AnnotationRow, OpenSession, Row, TraceRow

Make = Any
"""The fixture of conftest, which cannot be imported."""

BEFORE = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=1_790_000_000_000_000, seconds=100)
"""A hundred seconds after the first of the rows of `make`."""
AMOUNTS = {
    False: {"sessions": 2, "traces": 4, "spans": 3, "annotations": 6, "contents": 0},
    True: {"sessions": 0, "traces": 3, "spans": 4, "annotations": 6, "contents": 4},
}


def said(make: Make, number: int, seconds: int = 1, **more: Any) -> AnnotationRow:
    """A log."""
    values: dict[str, Any] = {"type": "log", "name": None, "value": '"said"', **more}
    return AnnotationRow(id=f"a{number}", created_us=make.t0 + seconds * 1_000_000, **values)


def mixture(make: Make) -> list[Row]:
    """Of each kind of record some that pruning removes, some that it keeps, and some of which only the content goes."""
    old = make.trace(1, "old", result='"done"')
    alone = make.trace(2, None, result='"done"')
    alive = make.trace(3, "alive", result='"done"')
    new = make.trace(5_000, "alive", result='"done"')
    # It began before the time, and went on after it.
    long = TraceRow(
        id=make.trace_id(9), session_id=None, status="ok", name="job", kind="function", started_us=make.t0 + 90_000_000,
        duration_us=60_000_000,
    )  # fmt: skip
    empty = make.trace(4, "old")
    lone = make.trace(6, None)
    return [
        *(OpenSession(id=name, at_us=make.t0) for name in ("old", "quiet", "alive")),
        *(make.call(number, trace, input='"hello"') for number, trace in enumerate((old, alone, alive, long, new), 1)),
        make.call(6, empty),
        *(old, alone, alive, long, new, empty, lone),
        said(make, 1, trace_id=old.id),
        said(make, 2, trace_id=old.id, type="tag", name="plan"),
        said(make, 3, session_id="old"),
        said(make, 4, trace_id=alone.id),
        said(make, 5),
        said(make, 6, trace_id=alive.id),
        said(make, 7, session_id="alive"),
        said(make, 8, seconds=200, trace_id=alive.id, type="feedback", name="helpful", value=None, score=1.0),
        said(make, 9, seconds=200),
        said(make, 10, session_id="quiet", type="tag", name="plan"),
    ]


@pytest.mark.parametrize("content_only", [False, True])
def test_a_dry_run_gives_the_receipt_of_the_real_run(sink: Sink, store: Store, make: Make, content_only: bool) -> None:
    """Of each kind of record as many as then go, or lose their content; and nothing changes by counting them."""
    sink.write(mixture(make))
    state = store.state()

    told = store.prune(before=BEFORE, content_only=content_only, dry_run=True)
    unchanged = store.state()
    done = store.prune(before=BEFORE, content_only=content_only)
    again = store.prune(before=BEFORE, content_only=content_only, dry_run=True)

    assert told == done
    assert unchanged == state
    assert {name: getattr(told, name) for name in AMOUNTS[content_only]} == AMOUNTS[content_only]
    assert {getattr(again, name) for name in AMOUNTS[content_only]} == {0}
    assert store.verify() == []


@pytest.mark.parametrize("content_only", [False, True])
def test_a_dry_run_on_no_store_counts_nothing(store: Store, content_only: bool) -> None:
    """And makes none."""
    told = store.prune(days=1, content_only=content_only, dry_run=True)

    assert (told.sessions, told.traces, told.spans, told.annotations, told.contents) == (0, 0, 0, 0, 0)
    assert not store.info().exists
