"""Annotations of sessions, traces and spans: logs, tags, checks and feedback, at once and long after."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import baserun
from baserun.store import StoredAnnotation
from baserun.testing import Captured, capture
from recorded_calls import record_call

FIRST = "00000000-0000-4000-8000-000000000001"
TRACE = "00000000000000000000000000000001"
SPAN = "0000000000000001"


def said(notes: list[StoredAnnotation] | None) -> list[dict[str, Any]]:
    """Return the annotations as dicts, without ids, times and None."""
    return [
        {key: value for key, value in note.to_dict().items() if value is not None and key not in ("id", "created_at")}
        for note in notes or []
    ]


def test_log_in_a_span(captured: Captured) -> None:
    """A log is recorded with the session, trace and span that it was written in."""
    with baserun.with_session(), baserun.start_trace("trace"), baserun.span("step"):
        baserun.log("hello", name="greeting", metadata={"a": 1})

    assert [note.to_dict() for note in captured.annotations] == [
        {
            "id": "00000000000000000000000000000001",
            "session_id": FIRST,
            "trace_id": TRACE,
            "span_id": SPAN,
            "type": "log",
            "name": "greeting",
            "value": "hello",
            "score": None,
            "comment": None,
            "metadata": {"a": 1},
            "created_at": "2026-01-01T00:00:00.000000Z",
        }
    ]


@pytest.mark.parametrize("message", ["text", 7, {"a": [1, None]}, ["list"], True, 1.5])
def test_log_takes_any_value(captured: Captured, message: object) -> None:
    """A log can be text or any other value."""
    with baserun.start_trace("trace"):
        baserun.log(message)

    assert [note.value for note in captured.annotations] == [message]


def test_log_keeps_the_value_at_the_time_of_the_call(captured: Captured) -> None:
    """Changes that the caller makes to a logged value afterwards are not recorded."""
    message = {"words": ["one"]}
    with baserun.start_trace("trace"):
        baserun.log(message)
        message["words"].append("two")

    assert [note.value for note in captured.annotations] == [{"words": ["one"]}]


def test_annotations_of_a_session(captured: Captured) -> None:
    """Outside a trace an annotation belongs to the session."""
    with baserun.with_session():
        baserun.log("hello")

    (session,) = captured.sessions
    assert said(session.annotations) == [{"session_id": FIRST, "type": "log", "value": "hello"}]
    assert session.traces == []


def test_tag_after_tags_were_replaced(captured: Captured) -> None:
    """A tag does not fail where the application has assigned something else than a dict to the trace's tags."""
    trace: Any
    with baserun.start_trace("trace") as trace:
        trace.tags = ["urgent"]
        baserun.tag("language", "de")

    (stored,) = captured.traces
    assert stored.tags == {"value": ["urgent"]}
    assert [(each.name, each.value) for each in stored.annotations or ()] == [("language", "de")]


def test_tag(captured: Captured) -> None:
    """A tag is a label of the trace, where the last value of a key counts, and an annotation."""
    with baserun.start_trace("trace") as trace:
        baserun.tag("language", "de")
        baserun.tag("language", "en")
        baserun.tag("tries", 2)
        tags = dict(trace.tags) if isinstance(trace, baserun.Trace) else None

    assert tags == {"language": "en", "tries": 2}
    (stored,) = captured.traces
    assert stored.tags == {"language": "en", "tries": 2}
    assert said(stored.annotations) == [
        {"trace_id": TRACE, "type": "tag", "name": "language", "value": "de"},
        {"trace_id": TRACE, "type": "tag", "name": "language", "value": "en"},
        {"trace_id": TRACE, "type": "tag", "name": "tries", "value": 2},
    ]


def test_check(captured: Captured) -> None:
    """A check records what was expected and whether it held, and returns whether it did."""
    with baserun.start_trace("trace"):
        returned = baserun.check("is polite", False, expected="please", actual="now!", metadata={"a": 1})

    assert returned is False
    assert said(captured.annotations) == [
        {
            "trace_id": TRACE,
            "type": "check",
            "name": "is polite",
            "value": {"expected": "please", "actual": "now!"},
            "score": 0.0,
            "metadata": {"a": 1},
        }
    ]


@pytest.mark.parametrize(
    ("expected", "held"),
    [("is a", True), (["this", "test"], True), (("this", "missing"), False), ("missing", False), ([], True)],
)
def test_check_includes(captured: Captured, expected: Any, held: bool) -> None:
    """`check_includes` looks for one text, or for each of several."""
    with baserun.start_trace("trace"):
        returned = baserun.check_includes("says so", "this is a test", expected)

    assert returned is held
    assert [note.score for note in captured.annotations] == [float(held)]


@pytest.mark.parametrize(("actual", "held"), [({"a": 1}, True), ({"a": 2}, False)])
def test_check_equals(captured: Captured, actual: object, held: bool) -> None:
    """`check_equals` compares values."""
    with baserun.start_trace("trace"):
        returned = baserun.check_equals("same", actual, {"a": 1})

    assert returned is held
    assert [note.score for note in captured.annotations] == [float(held)]


@pytest.mark.parametrize(
    ("given", "score"),
    [
        ({"score": 0.25}, 0.25),
        ({"score": 1}, 1.0),
        ({"score": 0}, 0.0),
        ({"thumbsup": True}, 1.0),
        ({"thumbsup": False}, 0.0),
        ({"stars": 1}, 0.2),
        ({"stars": 5}, 1.0),
        ({"comment": "nice"}, None),
    ],
)
def test_feedback_score(captured: Captured, given: dict[str, Any], score: float | None) -> None:
    """Scores, thumbs and stars are stored on one scale from 0 (bad) to 1 (good)."""
    with baserun.start_trace("trace"):
        baserun.feedback("helpful", **given)

    assert [(note.type, note.name, note.score, note.comment) for note in captured.annotations] == [
        ("feedback", "helpful", score, given.get("comment"))
    ]


def test_feedback_counts_for_session_and_user(captured: Captured) -> None:
    """The feedback score of a session and of its user is the mean of the scores."""
    with baserun.with_session("u"), baserun.start_trace("trace"):
        baserun.feedback("helpful", stars=5)
        baserun.feedback("helpful", 0.5)

    assert [session.feedback_score for session in captured.sessions] == [0.75]
    assert [user.feedback_score for user in captured.users] == [0.75]


def test_feedback_by_id_is_about_that_only(captured: Captured) -> None:
    """Feedback by id belongs to what the id names, not to the current session."""
    with baserun.with_session(session_identifier="judged"), baserun.start_trace("answer"):
        pass
    with baserun.with_session(session_identifier="other"), baserun.start_trace("form"):
        baserun.feedback("helpful", thumbsup=True, session_id="judged")

    assert [(session.id, session.feedback_score) for session in captured.sessions] == [
        ("judged", 1.0),
        ("other", None),
    ]


def test_late_feedback_by_trace_id(captured: Captured) -> None:
    """Feedback by trace id counts for the session of that trace."""
    with baserun.with_session("u"), baserun.start_trace("answer") as trace:
        pass

    baserun.feedback("helpful", stars=4, trace_id=trace.id)

    (session,) = captured.sessions
    assert session.feedback_score == 0.8
    (stored,) = captured.traces
    assert said(stored.annotations) == [
        {"session_id": FIRST, "trace_id": trace.id, "type": "feedback", "name": "helpful", "score": 0.8}
    ]


def test_late_feedback_by_completion_id(captured: Captured) -> None:
    """Feedback by the provider's id of an answer finds the call, its trace and its session."""
    with baserun.with_session("u"), baserun.start_trace("answer"):
        record_call(response_id="completion-1")

    baserun.feedback("helpful", thumbsup=False, completion_id="completion-1")

    (session,) = captured.sessions
    assert session.feedback_score == 0.0
    (stored,) = captured.traces
    assert said(stored.annotations) == [
        {
            "session_id": FIRST,
            "trace_id": TRACE,
            "span_id": SPAN,
            "type": "feedback",
            "name": "helpful",
            "score": 0.0,
        }
    ]


def test_feedback_that_comes_before_its_target(captured: Captured) -> None:
    """Feedback by an id that the store has not seen yet is kept, and attached when that id arrives."""
    baserun.feedback("by session", stars=5, session_id=FIRST)
    baserun.feedback("by trace", stars=4, trace_id=TRACE)
    baserun.feedback("by completion", stars=3, completion_id="completion-1")
    before = captured.sessions

    with baserun.with_session("u"), baserun.start_trace("answer"):
        record_call(response_id="completion-1")

    assert before == []
    (session,) = captured.sessions
    assert session.feedback_score == pytest.approx(0.8)
    assert said(captured.annotations) == [
        {"session_id": FIRST, "type": "feedback", "name": "by session", "score": 1.0},
        {"session_id": FIRST, "trace_id": TRACE, "type": "feedback", "name": "by trace", "score": 0.8},
        {
            "session_id": FIRST,
            "trace_id": TRACE,
            "span_id": SPAN,
            "type": "feedback",
            "name": "by completion",
            "score": 0.6,
        },
    ]


def test_late_feedback_from_another_process(tmp_path: Any) -> None:
    """Feedback from another process that knows only the store and the id counts here."""
    store = tmp_path / "baserun.sqlite3"
    program = (
        "import sys, baserun\n"
        "baserun.init(sys.argv[1])\n"
        "baserun.feedback('helpful', stars=2, comment='so so', session_id='chat')\n"
        "assert baserun.flush()\n"
    )
    with capture(store=store) as captured:
        with baserun.with_session("u", session_identifier="chat"):
            pass
        captured.flush()
        subprocess.run([sys.executable, "-c", program, str(store)], check=True)

        (session,) = captured.sessions

    assert session.feedback_score == 0.4
    assert [(note.name, note.comment) for note in session.annotations or []] == [("helpful", "so so")]


def test_annotation_outside_of_any_session_is_counted(captured: Captured) -> None:
    """A log outside any session and trace belongs to nothing; it raises nothing and is counted as stored."""
    baserun.log("hello")

    assert captured.annotations == []
    assert (captured.stats.captured, captured.stats.stored) == (1, 1)
