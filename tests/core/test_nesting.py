"""Which session is current inside a session: the outermost binds, and the outer one is current again afterwards."""

from __future__ import annotations

from typing import Any

import baserun
from baserun.testing import Captured


def told(captured: Captured) -> list[dict[str, Any]]:
    """Return id, user, previous id, traces and whether it ended, of each stored session."""
    return [
        {
            "id": session.id,
            "user": session.user_identifier,
            "previous": session.previous_id,
            "traces": [trace.name for trace in session.traces] if isinstance(session.traces, list) else None,
            "ended": session.ended_at is not None,
        }
        for session in captured.sessions
    ]


def session_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def work(name: str) -> None:
    with baserun.start_trace(name):
        pass


def test_outermost_session_binds(captured: Captured) -> None:
    """A nested block without arguments inherits the session around it: all traces are in one session."""
    with baserun.with_session("u") as outer:
        work("before")
        with baserun.with_session() as inner:
            work("inside")
        work("after")

    assert inner is outer
    assert told(captured) == [
        {
            "id": session_id(1),
            "user": "u",
            "previous": None,
            "traces": ["before", "inside", "after"],
            "ended": True,
        }
    ]


def test_nested_block_stays_in_the_open_trace(captured: Captured) -> None:
    """A block that inherits its session is in the open trace and span, too."""
    request, step = baserun.start_trace("request"), baserun.span("step")
    with baserun.with_session(), request as trace, step as span, baserun.with_session("u"):
        now = baserun.current_trace(), baserun.current_span()

    assert now == (trace, span)


def test_nested_user_fills_an_empty_user(captured: Captured) -> None:
    """A user named by a nested block becomes the user of a session without one, and of its earlier traces."""
    with baserun.with_session() as outer:
        work("before")
        with baserun.with_session("u") as inner:
            pass

    assert inner is outer
    assert told(captured) == [{"id": session_id(1), "user": "u", "previous": None, "traces": ["before"], "ended": True}]
    assert [trace.user_identifier for trace in captured.traces] == ["u"]


def test_nested_same_user_inherits(captured: Captured) -> None:
    """A nested block that names the same user inherits the session."""
    with baserun.with_session("u") as outer, baserun.with_session("u") as inner:
        pass

    assert inner is outer
    assert len(captured.sessions) == 1


def test_nested_different_user_opens_a_linked_session(captured: Captured) -> None:
    """A nested block of another user opens a session linked to the outer one, which is current again afterwards."""
    with baserun.with_session("alice") as outer:
        with baserun.with_session("bob"):
            work("for bob")
        after = baserun.current_session()
        work("for alice")

    assert after is outer
    assert told(captured) == [
        {"id": session_id(1), "user": "alice", "previous": None, "traces": ["for alice"], "ended": True},
        {"id": session_id(2), "user": "bob", "previous": session_id(1), "traces": ["for bob"], "ended": True},
    ]


def test_linked_session_leaves_the_open_trace(captured: Captured) -> None:
    """Work in a linked session begins a trace of its own: a trace belongs to one session."""
    with baserun.with_session("alice"), baserun.start_trace("request"), baserun.with_session("bob"):
        now = baserun.current_trace()
        with baserun.span("for bob"):
            pass

    assert now is None
    assert [(trace.name, trace.user_identifier) for trace in captured.traces] == [
        ("request", "alice"),
        ("for bob", "bob"),
    ]


def test_other_id_is_that_session_inside_and_the_outer_one_after(captured: Captured) -> None:
    """With another id, that session is current in the block, without a link, and the outer one again after it."""
    with baserun.with_session("u") as outer:
        with baserun.with_session(session_identifier="conversation-7"):
            work("inside")
        after = baserun.current_session()
        work("after")

    assert after is outer
    assert told(captured) == [
        {"id": session_id(1), "user": "u", "previous": None, "traces": ["after"], "ended": True},
        {"id": "conversation-7", "user": None, "previous": None, "traces": ["inside"], "ended": True},
    ]


def test_same_id_inherits(captured: Captured) -> None:
    """A nested block with the id of the current session inherits it."""
    with baserun.with_session(session_identifier="chat") as outer:
        with baserun.with_session(session_identifier="chat") as inner:
            pass
        still_open = baserun.current_session()

    assert inner is outer
    assert still_open is outer
    assert len(captured.sessions) == 1


def test_three_levels_come_back_one_by_one(captured: Captured) -> None:
    """Leaving each of three nested blocks makes the session around it current."""
    with baserun.with_session(session_identifier="a") as a:
        with baserun.with_session(session_identifier="b") as b:
            with baserun.with_session(session_identifier="c"):
                pass
            after_c = baserun.current_session()
        after_b = baserun.current_session()
    after_a = baserun.current_session()

    assert (after_c, after_b, after_a) == (b, a, None)


def test_nested_metadata_joins(captured: Captured) -> None:
    """Metadata of a nested block is merged into that of the session."""
    inner = baserun.with_session(metadata={"page": "chat"})
    with baserun.with_session(metadata={"plan": "pro", "page": "start"}), inner:
        pass

    assert captured.sessions[0].metadata == {"plan": "pro", "page": "chat"}


def test_nested_block_does_not_end_what_it_inherited(captured: Captured) -> None:
    """Leaving a nested block does not end the session that it inherited."""
    with baserun.with_session():
        with baserun.with_session():
            pass
        ended = captured.sessions[0].ended_at

    assert ended is None


def test_start_session_never_inherits(captured: Captured) -> None:
    """`start_session` always starts another session, whatever is current."""
    with baserun.with_session("u") as outer:
        inner = baserun.start_session("u")
        inside = baserun.current_session()
        inner.end()
        after = baserun.current_session()

    assert inner is not outer
    assert (inside, after) == (inner, outer)
