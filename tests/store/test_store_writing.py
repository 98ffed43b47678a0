"""Writing rows: sessions and their users, traces and their ends, annotations before and after their targets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import permutations
from typing import Any

import msgspec
import pytest

from baserun.exceptions import RowRejectedError
from baserun.store import Sink, Store
from baserun.store.results import StoredSession, StoredTrace
from baserun.store.rows import (
    AnnotationRow,
    EndSession,
    IdentifyUser,
    MoveTrace,
    OpenSession,
    Row,
    SpanRow,
    UpdateSession,
)

Make = Any
"""The fixture of conftest, which cannot be imported."""


def _session(store: Store, name: str) -> StoredSession:
    found = store.session(name)
    assert found is not None
    return found


def _trace(store: Store, name: str) -> StoredTrace:
    found = store.trace(name)
    assert found is not None
    return found


def test_writing_a_batch_again_changes_nothing(sink: Sink, store: Store, make: Make) -> None:
    """Writing a batch a second time, as after an unknown outcome, changes nothing."""
    trace = make.trace(1, user_identifier="ann", user_strength=3)
    batch: Sequence[Row] = [
        OpenSession(id="s", at_us=make.t0, user_identifier="ann", user_strength=3, metadata='{"a": 1}'),
        make.call(1, make.trace(1, status="running"), input_tokens=5, cost_nano=10, input_preview="hello"),
        trace,
        AnnotationRow(id="f", created_us=make.t0, type="feedback", name="f", score=1, trace_id=trace.id),
        EndSession(id="s", at_us=make.t0 + 9),
    ]
    sink.write(batch)
    before = (_session(store, "s"), store.user("ann"), store.ledger())

    sink.write(batch)

    assert (_session(store, "s"), store.user("ann"), store.ledger()) == before


def test_a_session_ends_and_is_opened_again(sink: Sink, store: Store) -> None:
    """Opening an ended session again clears its end."""
    sink.write([OpenSession(id="s", at_us=10), EndSession(id="s", at_us=20)])
    ended = _session(store, "s").ended_at

    sink.write([OpenSession(id="s", at_us=30)])

    assert ended is not None
    assert _session(store, "s").ended_at is None


def test_metadata_is_merged_key_by_key(sink: Sink, store: Store) -> None:
    """Later metadata of a session is merged into the earlier, key by key."""
    sink.write([OpenSession(id="s", at_us=1, metadata='{"plan": "free", "seat": 4}')])

    sink.write([UpdateSession(id="s", at_us=2, metadata='{"plan": "pro"}')])

    assert _session(store, "s").metadata == {"plan": "pro", "seat": 4}


@pytest.mark.parametrize(
    ("first", "second", "owner"),
    [((0, None), (1, "weak"), "weak"), ((1, "weak"), (3, "ann"), "ann"), ((3, "ann"), (2, "bob"), "ann"),
     ((3, "ann"), (3, "bob"), "ann")],
)  # fmt: skip
def test_a_stronger_user_replaces_a_weaker_and_never_the_reverse(
    sink: Sink, store: Store, first: tuple[int, str | None], second: tuple[int, str | None], owner: str
) -> None:
    """A session's user is replaced by a stronger one only."""
    for at_us, (strength, user) in enumerate([first, second]):
        sink.write([OpenSession(id="s", at_us=at_us, user_identifier=user, user_strength=strength)])

    assert _session(store, "s").user_identifier == owner
    assert [each.user_identifier for each in store.users()] == [owner]


def test_identifying_moves_session_traces_and_sums(sink: Sink, store: Store, make: Make) -> None:
    """Identifying a user moves the session, its earlier traces and sums from the weaker user to them."""
    adopted = make.trace(1, user_identifier="weak", user_strength=1)
    sink.write(
        [
            OpenSession(id="s", at_us=make.t0, user_identifier="weak", user_strength=1),
            make.call(1, adopted, input_tokens=7),
            adopted,
            make.trace(2),
        ]
    )

    sink.write([IdentifyUser(session_id="s", at_us=make.t0 + 1, user_identifier="ann", user_strength=3)])

    user = store.user("ann")
    assert user is not None
    assert (user.sessions, user.traces, user.llm_calls, user.input_tokens) == (1, 2, 1, 7)
    assert {trace.user_identifier for trace in store.traces(session="s")} == {"ann"}
    assert store.user("weak") is None


def test_a_trace_keeps_its_own_strong_user(sink: Sink, store: Store, make: Make) -> None:
    """A trace with a strong user of its own keeps it in a session of another user."""
    visit = make.trace(1, user_identifier="bob", user_strength=3)

    sink.write([OpenSession(id="s", at_us=make.t0, user_identifier="ann", user_strength=3), visit])

    assert _trace(store, visit.id).user_identifier == "bob"
    assert _session(store, "s").user_identifier == "ann"


def test_of_two_calls_at_the_same_time_the_later_row_is_the_last(sink: Sink, store: Store, make: Make) -> None:
    """Calls with the same start are in the order of their rows, as in a recount."""
    trace = make.trace(1, status="running")
    calls = [make.call(number, trace, started_us=make.t0, output_preview=f"answer {number}") for number in (1, 2)]

    sink.write(calls)

    assert _session(store, "s").last_output == "answer 2"
    assert store.verify() == []


def test_of_two_equally_strong_users_a_trace_keeps_the_first(sink: Sink, store: Store, make: Make) -> None:
    """Later rows with another user of the same strength do not change the user of a trace."""
    for user, status in (("ann", "running"), ("bob", "running"), ("bob", "ok")):
        sink.write([make.trace(1, session=None, status=status, user_identifier=user, user_strength=2)])

    assert _trace(store, make.trace_id(1)).user_identifier == "ann"
    assert store.user("bob") is None


def test_a_user_of_unknown_strength_counts_as_adopted(sink: Sink, store: Store, make: Make) -> None:
    """A user without a strength is stored, and replaced by any stronger one."""
    trace = make.trace(1, session=None, status="running", user_identifier="ann")
    sink.write([OpenSession(id="s", at_us=make.t0, user_identifier="ann"), trace])
    named = (_session(store, "s").user_identifier, _trace(store, trace.id).user_identifier)

    sink.write([IdentifyUser(session_id="s", at_us=make.t0, user_identifier="bob", user_strength=2)])

    assert named == ("ann", "ann")
    assert _session(store, "s").user_identifier == "bob"


def test_a_moved_trace_takes_its_sums_and_words_along(sink: Sink, store: Store, make: Make) -> None:
    """A moved trace takes its sums, previews and feedback from its old session to the new one."""
    trace = make.trace(5)
    sink.write(
        [
            OpenSession(id="s", at_us=make.t0, user_identifier="ann", user_strength=3),
            make.call(5, trace, input_preview="mine", output_preview="yours", input_tokens=3),
            trace,
            AnnotationRow(id="f", created_us=make.t0, type="feedback", name="f", score=-1, trace_id=trace.id),
        ]
    )

    move = MoveTrace(trace_id=trace.id, session_id="other", at_us=make.t0 + 9, user_identifier="bob", user_strength=2)
    sink.write([OpenSession(id="other", at_us=make.t0 + 9, previous_id="s"), move])

    left, entered = _session(store, "s"), _session(store, "other")
    assert (left.traces, left.first_input, left.input_tokens, left.feedback_score) == ([], None, None, None)
    assert left.last_active_at == left.started_at
    assert (entered.first_input, entered.last_output, entered.input_tokens) == ("mine", "yours", 3)
    assert entered.feedback_score == -1
    assert _trace(store, trace.id).user_identifier == "bob"
    assert store.verify() == []


def test_a_trace_is_running_from_its_first_span(sink: Sink, store: Store, make: Make) -> None:
    """A trace is stored as ``running`` with its first span, and completed by its end."""
    running = make.trace(1, status="running", started_us=_now_us())
    sink.write([make.call(1, running)])
    before = _trace(store, running.id).status

    sink.write([make.trace(1, started_us=running.started_us, result='{"ok": true}', tags='{"plan": "pro"}')])

    after = _trace(store, running.id)
    assert (before, after.status) == ("running", "ok")
    assert (after.result, after.tags, after.duration_ms) == ({"ok": True}, {"plan": "pro"}, 1000.0)


def test_a_trace_without_an_end_reads_abandoned(sink: Sink, store: Store, make: Make) -> None:
    """A trace that is unfinished for an hour reads ``abandoned``."""
    trace = make.trace(1, status="running", started_us=_now_us() - 3_700_000_000)

    sink.write([make.call(1, trace)])

    assert _trace(store, trace.id).status == "abandoned"
    assert [each.id for each in store.traces(status="abandoned")] == [trace.id]
    assert store.traces(status="running").items == []


def test_a_session_named_by_a_trace_is_completed_when_it_arrives(sink: Sink, store: Store, make: Make) -> None:
    """A session that is first named by a trace gets its user, start and previous id when it is opened."""
    sink.write([make.trace(1)])
    before = _session(store, "s")

    sink.write([OpenSession(id="s", at_us=make.t0, previous_id="p", user_identifier="ann", user_strength=3)])

    after = _session(store, "s")
    assert (before.user_identifier, before.previous_id) == (None, None)
    assert (after.user_identifier, after.previous_id) == ("ann", "p")
    assert after.started_at < before.started_at


def test_one_failed_call_that_fails_its_request_is_one_error(sink: Sink, store: Store, make: Make) -> None:
    """A failed call and the request that it fails count as one error."""
    failing, broken = make.trace(1, status="error"), make.trace(2, status="error")

    sink.write([make.call(1, failing, status="error"), failing, broken, make.trace(3)])

    assert _session(store, "s").errors == 2
    assert [trace.errors for trace in store.traces(sort="started")] == [1, 1, 0]


def test_unknown_is_none_and_never_zero(sink: Sink, store: Store, make: Make) -> None:
    """A sum is None if no call has the value, else the sum over those that have it."""
    sink.write([make.trace(1), make.call(1, make.trace(1)), make.call(2, make.trace(1), input_tokens=0, cost_nano=5)])

    session = _session(store, "s")

    assert (session.input_tokens, session.output_tokens) == (0, None)
    assert session.cost_usd == Decimal("0.000000005")


def test_embeddings_count_tokens_but_are_no_turn(sink: Sink, store: Store, make: Make) -> None:
    """An embedding counts its tokens, but is neither a turn nor an LLM call."""
    sink.write([make.call(1, make.trace(1), kind="embedding", input_tokens=8)])

    session = _session(store, "s")

    assert (session.turns, session.llm_calls, session.input_tokens) == (0, 0, 8)


def test_the_first_question_and_the_last_answer_are_by_time(sink: Sink, store: Store, make: Make) -> None:
    """`first_input` and `last_output` of a session go by the start of its calls, in whatever order they arrive."""
    for number in (2, 3, 1):
        trace = make.trace(number)
        sink.write([make.call(number, trace, input_preview=f"q{number}", output_preview=f"a{number}"), trace])

    session = _session(store, "s")

    assert (session.first_input, session.last_output) == ("q1", "a3")


@pytest.mark.parametrize("field", ["session_id", "trace_id", "completion_id"])
def test_an_annotation_finds_its_target_later(sink: Sink, store: Store, make: Make, field: str) -> None:
    """Feedback by id counts for its session, also when it is stored before it."""
    trace = make.trace(1)
    target = {"session_id": "s", "trace_id": trace.id, "completion_id": "resp-1"}[field]
    feedback = AnnotationRow(id="f", created_us=make.t0, type="feedback", name="f", score=0.5, **{field: target})
    sink.write([feedback])

    sink.write([OpenSession(id="s", at_us=make.t0), make.call(1, trace, response_id="resp-1"), trace])

    assert _session(store, "s").feedback_score == 0.5
    assert store.verify() == []


def test_an_annotation_of_a_call_has_its_span_trace_and_session(sink: Sink, store: Store, make: Make) -> None:
    """An annotation by completion id gets the span, trace and session of that call."""
    trace = make.trace(1)
    sink.write([make.call(1, trace, response_id="resp-1"), trace])

    sink.write(
        [AnnotationRow(id="f", created_us=make.t0, type="feedback", name="f", comment="no", completion_id="resp-1")]
    )

    annotations = _trace(store, trace.id).annotations
    assert annotations is not None
    assert [(each.session_id, each.trace_id, each.span_id) for each in annotations] == [
        ("s", trace.id, make.span_id(1))
    ]


def _changed_mind(make: Make, minute: int, score: float | None, **target: Any) -> AnnotationRow:
    return AnnotationRow(
        id="f", created_us=make.t0 + minute, type="feedback", name="f", score=score, comment=f"at {minute}", **target
    )


@pytest.mark.parametrize("order", list(permutations(range(4))))
@pytest.mark.parametrize("field", ["session_id", "trace_id", "completion_id"])
def test_of_feedback_with_one_id_the_latest_counts(
    new_sink: Callable[[], Sink], store: Store, make: Make, field: str, order: tuple[int, ...]
) -> None:
    """Of feedback with the same id the latest counts, in whatever order it and its target are written."""
    trace = make.trace(1)
    target = {"session_id": "s", "trace_id": trace.id, "completion_id": "resp-1"}[field]
    opened = OpenSession(id="s", at_us=make.t0, user_identifier="u", user_strength=3)
    parts: list[list[Row]] = [
        [opened, make.call(1, trace, response_id="resp-1"), trace],
    ]
    for minute, score in enumerate((1.0, 0.25, 0.0)):
        parts.append([_changed_mind(make, minute, score, **{field: target})])
    sinks = [new_sink(), new_sink()]

    for turn, number in enumerate(order):
        sinks[turn % 2].write(parts[number])

    session = _session(store, "s")
    assert isinstance(session.traces, list)
    (note,) = [*(session.annotations or []), *(session.traces[0].annotations or [])]
    user = store.user("u")
    assert user is not None
    assert (note.score, note.comment, session.feedback_score, user.feedback_score) == (0.0, "at 2", 0.0, 0.0)
    assert store.ledger()["stored"] == {"annotation": 1, "session": 1, "span": 1, "trace": 1}
    assert store.verify() == []


def test_feedback_that_changes_within_a_batch_or_comes_again(sink: Sink, store: Store, make: Make) -> None:
    """Changed feedback in one batch counts once, by its latest version, also when the batch is written again."""
    trace = make.trace(1)
    batch: list[Row] = [
        trace,
        _changed_mind(make, 2, 0.0, trace_id=trace.id),
        _changed_mind(make, 1, 1.0, trace_id=trace.id),
        _changed_mind(make, 3, None, trace_id=trace.id),
    ]

    sink.write(batch[:2])
    sink.write(batch)
    sink.write(batch)

    (note,) = _trace(store, trace.id).annotations or []
    assert (note.score, note.comment, _session(store, "s").feedback_score) == (None, "at 3", None)
    assert store.ledger()["stored"] == {"annotation": 1, "session": 1, "trace": 1}
    assert store.verify() == []


def test_only_feedback_is_replaced_by_its_id(sink: Sink, store: Store, make: Make) -> None:
    """A second annotation with the same id is ignored, unless both are feedback."""
    trace = make.trace(1)
    sink.write([trace, AnnotationRow(id="f", created_us=make.t0, type="log", name="l", trace_id=trace.id)])

    sink.write([_changed_mind(make, 1, 1.0, trace_id=trace.id)])
    sink.write([AnnotationRow(id="f", created_us=make.t0 + 2, type="log", name="m", trace_id=trace.id)])

    (note,) = _trace(store, trace.id).annotations or []
    assert (note.type, note.name) == ("log", "l")
    assert store.verify() == []


@pytest.mark.parametrize("is_split", [False, True])
@pytest.mark.parametrize("has_ended", [False, True])
def test_of_a_tag_the_last_value_finds_its_trace(
    sink: Sink, store: Store, make: Make, is_split: bool, has_ended: bool
) -> None:
    """A trace is found by the last value of a tag only, however its tags and its end are batched."""
    first, last = (
        AnnotationRow(
            id=plan, created_us=make.t0, type="tag", name="plan", value=f'"{plan}"', trace_id=make.trace_id(1)
        )
        for plan in ("free", "pro")
    )
    end = make.trace(1, tags='{"plan": "pro"}') if has_ended else make.trace(1, status="running")
    rows = [make.call(1, make.trace(1, status="running")), first, last, end]

    for batch in ([row] for row in rows) if is_split else [rows]:
        sink.write(batch)

    assert [len(store.traces(tag=f"plan={plan}")) for plan in ("free", "pro")] == [0, 1]


def test_tags_find_their_trace_from_either_side(sink: Sink, store: Store, make: Make) -> None:
    """A filter by tag finds tags stored as annotations and tags of the trace's end alike."""
    sink.write(
        [
            make.trace(1, tags='{"plan": "pro", "seats": 4}'),
            make.trace(2),
            AnnotationRow(
                id="t", created_us=make.t0, type="tag", name="plan", value='"pro"', trace_id=make.trace_id(2)
            ),
        ]
    )

    assert len(store.traces(tag="plan=pro")) == 2
    assert len(store.traces(tag="seats=4")) == 1
    assert [each.id for each in store.sessions(tag="plan=pro")] == ["s"]


BAD_TRACES = {
    "bad hex": {"id": "zz"},
    "short id": {"id": "00"},
    "surrogate": {"name": "\ud800"},
    "too large": {"duration_us": 2**70},
    "not text": {"name": object()},
}


@pytest.mark.parametrize("values", BAD_TRACES.values(), ids=BAD_TRACES)
def test_a_row_that_can_never_be_stored_is_rejected(
    sink: Sink, store: Store, make: Make, values: dict[str, object]
) -> None:
    """A row that can never be stored raises `RowRejectedError`, and nothing of its batch is stored."""
    bad = msgspec.structs.replace(make.trace(1), **values)
    with pytest.raises(RowRejectedError, match="A row cannot be stored"):
        sink.write([OpenSession(id="s", at_us=1), bad])

    sink.write([make.trace(2, session="t")])

    assert [each.id for each in store.sessions()] == ["t"]


@pytest.mark.parametrize("score", [float("nan"), float("inf"), 1e300])
def test_a_score_that_is_no_number_is_rejected(sink: Sink, score: float) -> None:
    """A NaN, infinite or huge score raises `RowRejectedError`."""
    with pytest.raises(RowRejectedError, match="score"):
        sink.write([AnnotationRow(id="f", created_us=1, type="feedback", name="f", score=score)])


def test_spans_keep_everything(sink: Sink, store: Store, make: Make) -> None:
    """A span that is no call reads back with every field."""
    tool = SpanRow(
        id=make.span_id(9), trace=make.trace(1), parent_id=make.span_id(1), kind="tool", name="look",
        started_us=make.t0, duration_us=1_500, status="error", error_type="KeyError", error_message="'x'",
        metadata='{"a": [1]}', input='{"city": "Basel"}', output="null",
    )  # fmt: skip

    sink.write([tool])

    spans = _trace(store, make.trace_id(1)).spans
    assert spans is not None
    assert [span.to_dict() for span in spans] == [
        {
            "id": make.span_id(9),
            "trace_id": make.trace_id(1),
            "parent_id": make.span_id(1),
            "kind": "tool",
            "name": "look",
            "started_at": "2026-09-21T14:13:20.000000Z",
            "duration_ms": 1.5,
            "status": "error",
            "error": {"type": "KeyError", "message": "'x'", "status_code": None, "body": None},
            "metadata": {"a": [1]},
            "input": {"city": "Basel"},
            "output": None,
        }
    ]


def test_dropped_records_are_in_the_ledger(sink: Sink, store: Store) -> None:
    """Counts of dropped records are added up in the store's ledger."""
    sink.count_dropped({"queue_full": 3})
    sink.count_dropped({"queue_full": 2, "row_rejected": 1})

    assert store.ledger()["dropped"] == {"queue_full": 5, "row_rejected": 1}


def _now_us() -> int:
    return time.time_ns() // 1_000
