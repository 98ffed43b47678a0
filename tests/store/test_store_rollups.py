"""Roll-ups equal a recount, whatever the order of the rows and however often they are written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baserun.store import Sink, Store, open_sink, open_store
from baserun.store.rows import (
    AnnotationRow,
    CallRow,
    EndSession,
    IdentifyUser,
    MoveTrace,
    OpenSession,
    Row,
    SpanRow,
    TraceRow,
    UpdateSession,
)

T0 = 1_790_000_000_000_000
TWENTY_MINUTES_US = 1_200_000_000
HOUR = timedelta(hours=1)
FIRST_HOUR = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=T0 // 3_600_000_000)


def _trace(number: int, session: str | None, status: str = "running", **more: Any) -> TraceRow:
    started = T0 + number * TWENTY_MINUTES_US  # so that hours differ
    return TraceRow(
        id=f"{number:032x}", session_id=session, started_us=started, name="work", kind="request", status=status, **more
    )


def _call(number: int, trace: TraceRow, **more: Any) -> SpanRow:
    call = CallRow(
        request_model="small",
        response_id=f"resp-{number}",
        input_preview=f"question {number}",
        output_preview=f"answer {number}",
        **more,
    )
    return SpanRow(
        id=f"{number:016x}", trace=trace, parent_id=None, kind="llm", name="chat", started_us=trace.started_us + number,
        duration_us=500, status="ok" if number % 3 else "error", error_type=None if number % 3 else "Boom", call=call,
    )  # fmt: skip


ANONYMOUS, KNOWN, BARE = _trace(1, "a"), _trace(2, "a", user_identifier="ann", user_strength=2), _trace(3, None)
LINKED = _trace(4, "b", user_identifier="maybe", user_strength=1)
AN_HOUR_US = 3_600_000_000
LATER, EARLIER = (
    msgspec.structs.replace(trace, name="remote", kind="remote", started_us=trace.started_us + offset)
    for trace, offset in ((LINKED, AN_HOUR_US), (KNOWN, -AN_HOUR_US))
)
"""Traces as another process writes them that continues them and guesses their start."""

UNIVERSE: list[Row] = [
    OpenSession(id="a", at_us=T0 - 50),
    OpenSession(id="b", at_us=T0 + 9_000, previous_id="a", user_identifier="bob", user_strength=2),
    EndSession(id="a", at_us=T0 + 30_000),
    UpdateSession(id="b", at_us=T0 + 9_500, metadata='{"plan": "pro"}'),
    IdentifyUser(session_id="a", at_us=T0 + 20_000, user_identifier="ann", user_strength=3),
    _call(1, ANONYMOUS, input_tokens=10, output_tokens=5, cost_nano=700),
    _call(2, KNOWN, input_tokens=20),
    _call(3, BARE, cost_nano=1),
    _call(4, LINKED),
    _call(5, ANONYMOUS, input_tokens=1, output_tokens=1),
    _call(6, LATER, output_tokens=2, cost_nano=3),
    _call(7, EARLIER, cost_nano=4),
    msgspec.structs.replace(_call(10, KNOWN), kind="audio"),
    msgspec.structs.replace(_call(11, ANONYMOUS, cost_nano=0), kind="moderation"),
    msgspec.structs.replace(_call(12, LATER), kind="audio"),
    SpanRow(
        id=f"{8:016x}", trace=LATER, parent_id=None, kind="tool", name="look", started_us=T0, duration_us=9, status="ok"
    ),
    SpanRow(
        id=f"{9:016x}", trace=KNOWN, parent_id=None, kind="tool", name="look", started_us=T0, duration_us=9, status="ok"
    ),
    msgspec.structs.replace(ANONYMOUS, status="error", duration_us=90_000, error_type="Boom"),
    msgspec.structs.replace(KNOWN, status="ok", duration_us=40_000, tags='{"plan": "pro"}'),
    msgspec.structs.replace(BARE, status="error", duration_us=10, error_type="Boom"),
    msgspec.structs.replace(LINKED, status="ok", duration_us=10),
    MoveTrace(trace_id=KNOWN.id, session_id="c", at_us=T0 + 25_000, user_identifier="cat", user_strength=2),
    MoveTrace(trace_id=ANONYMOUS.id, session_id="b", at_us=T0 + 26_000),
    AnnotationRow(id="f1", created_us=T0, type="feedback", name="good", score=0.5, session_id="a"),
    AnnotationRow(id="f1", created_us=T0 + 1, type="feedback", name="good", score=0.25, session_id="a"),
    AnnotationRow(id="f2", created_us=T0, type="feedback", name="good", score=-1, trace_id=KNOWN.id),
    AnnotationRow(id="f2", created_us=T0 + 1, type="feedback", name="good", comment="so?", completion_id="resp-1"),
    AnnotationRow(id="f3", created_us=T0, type="feedback", name="good", score=0.1, completion_id="resp-1"),
    AnnotationRow(
        id="f4",
        created_us=T0,
        type="feedback",
        name="good",
        score=1,
        session_id="b",
        trace_id=LINKED.id,
        span_id=f"{4:016x}",
    ),
    AnnotationRow(id="t1", created_us=T0, type="tag", name="tier", value='"gold"', trace_id=BARE.id),
    AnnotationRow(id="l1", created_us=T0, type="log", name=None, value='"hello"', session_id="never"),
]

batches = st.lists(st.lists(st.sampled_from(UNIVERSE), max_size=8), max_size=6)
everything = st.permutations(UNIVERSE)


def _what_is_there(batches: list[list[Row]]) -> tuple[list[str], dict[str, Any]]:
    with TemporaryDirectory() as folder:
        sink, store = open_sink(f"{folder}/x.sqlite3"), open_store(f"{folder}/x.sqlite3", budget=None)
        try:
            for batch in batches:
                sink.write(batch)
            view = {
                "sessions": [_session(store.session(each.id)) for each in store.sessions(sort="started")],
                "users": [each.to_dict() for each in store.users(sort="first_seen")],
                "traces": [each.to_dict() for each in store.traces(sort="started")],
                "hours": _hours(store),
            }
            return store.verify(), view
        finally:
            store.close()
            sink.close()


def _hours(store: Store) -> dict[str, Any]:
    """Return the activity computed from hours, after checking that it equals the one computed from traces."""
    of_hours = store.activity(since=FIRST_HOUR, until=FIRST_HOUR + 4 * HOUR, buckets=4)
    begins_early = FIRST_HOUR - timedelta(microseconds=1)
    of_traces = store.activity(since=begins_early, until=FIRST_HOUR + 4 * HOUR, buckets=1)
    latencies = (of_hours.total.latency_p95_ms, of_traces.total.latency_p95_ms)
    unlike = {"started_at": FIRST_HOUR, "latency_p50_ms": None, "latency_p95_ms": None}
    assert msgspec.structs.replace(of_hours.total, **unlike) == msgspec.structs.replace(of_traces.total, **unlike)
    assert latencies[0] == (None if latencies[1] is None else pytest.approx(latencies[1], rel=0.125, abs=1.2))
    assert (of_hours.users, of_hours.models) == (of_traces.users, of_traces.models)
    assert sum(each.traces for each in of_hours.buckets) == of_hours.total.traces
    return of_hours.to_dict()


def _session(session: Any) -> dict[str, Any]:
    found: dict[str, Any] = session.to_dict()
    return found


@given(batches=batches)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_rollups_equal_a_recount_after_any_rows(batches: list[list[Row]]) -> None:
    """After any rows, in any order and however often, every sum equals a recount."""
    differences, _ = _what_is_there(batches)

    assert differences == []


@given(order=everything, cut=st.integers(0, len(UNIVERSE)), again=st.lists(st.sampled_from(UNIVERSE), max_size=6))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_order_and_repetition_do_not_matter(order: list[Row], cut: int, again: list[Row]) -> None:
    """The same rows in any order, some of them repeated, give the same store."""
    expected = _what_is_there([UNIVERSE])

    found = _what_is_there([order[:cut], order[cut:], again])

    assert found == expected


@pytest.mark.parametrize(
    ("tampering", "difference"),
    [
        ("UPDATE sessions SET llm_calls = llm_calls + 1", "session a: llm_calls is 2, should be 1"),
        ("UPDATE sessions SET last_us = last_us + 1", "session a: last_us is"),
        ("UPDATE users SET traces = 7", "user ann: traces is 7, should be 1"),
        ("UPDATE traces SET cost_nano = 1", "trace 00000000000000000000000000000002: cost_nano is 1, should be 0"),
        ("UPDATE traces SET unpriced = 0", "trace 00000000000000000000000000000002: unpriced is 0, should be 1"),
        ("UPDATE sessions SET unpriced = 2", "session a: unpriced is 2, should be 1"),
        ("UPDATE users SET unpriced = 0", "user ann: unpriced is 0, should be 1"),
        ("UPDATE traces SET user_id = 99", "1 traces have a user_id that is not in users"),
        ("UPDATE session_texts SET first_input = 'x'", "session a: first_input is 'x', should be 'question 2'"),
        ("DELETE FROM spans", "trace 00000000000000000000000000000002: last_us is"),
        ("DELETE FROM annotations", "ledger: 0 annotation rows are there, should be 1"),
        ("DELETE FROM models", "1 trace_models have a model_id that is not in models"),
        ("UPDATE hours SET errors = 7", "hours: the row (497222, 1, 1, 1, 7, 20, 1, 0, 0, 0, 0, 1) is wrong"),
        ("DELETE FROM user_hours", "user_hours: the row (497222, 1, 1, 1, 1, 0, 20, 1, 0, 0, 0, 0, 1) is missing"),
        ("UPDATE model_hours SET calls = 2", "model_hours: the row (497222, 1, 1, 0, 0, 0) is missing"),
        ("INSERT INTO latency_hours VALUES (1, 2, 3)", "latency_hours: the row (1, 2, 3) is wrong"),
    ],
)
def test_a_recount_finds_what_is_wrong(path: Path, sink: Sink, store: Store, tampering: str, difference: str) -> None:
    """`verify` reports rows that were tampered with."""
    sink.write([_call(2, KNOWN, input_tokens=20), UNIVERSE[-1]])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(tampering)

    found = store.verify()

    assert any(text.startswith(difference) for text in found), found


@pytest.mark.parametrize("score", [0.0, 0.0000005, 0.1234565, 0.4999995, 0.5, 1.0])
def test_a_recount_finds_any_score_in_order(sink: Sink, store: Store, score: float) -> None:
    """A recount of a session with any score finds no difference, since both round to millionths."""
    sink.write(
        [UNIVERSE[0], AnnotationRow(id="f", created_us=T0, type="feedback", name="f", score=score, session_id="a")]
    )

    assert store.verify() == []


@pytest.mark.parametrize(("score", "is_good"), [(0.0, False), (0.4999999, False), (0.5, True), (1.0, True)])
def test_feedback_is_bad_below_the_middle(sink: Sink, store: Store, score: float, is_good: bool) -> None:
    """Feedback below 0.5 is negative; from 0.5 on it is positive."""
    sink.write(
        [UNIVERSE[0], AnnotationRow(id="f", created_us=T0, type="feedback", name="f", score=score, session_id="a")]
    )

    good, bad = (store.sessions(feedback=feedback).items for feedback in ("positive", "negative"))

    assert (len(good), len(bad)) == ((1, 0) if is_good else (0, 1))
