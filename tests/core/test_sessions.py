"""Starting, resuming and ending sessions."""

from __future__ import annotations

import uuid

import pytest

import baserun
from baserun.testing import Captured, FakeClock

FIRST = "00000000-0000-4000-8000-000000000001"


def test_session_is_recorded_whole(captured: Captured, clock: FakeClock) -> None:
    """A session with one trace reads back with every field."""
    with baserun.with_session("u", metadata={"plan": "pro"}):
        clock.advance(1)
        with baserun.start_trace("answer"):
            clock.advance(2)
        clock.advance(1)

    assert [session.to_dict() for session in captured.sessions] == [
        {
            "id": FIRST,
            "user_identifier": "u",
            "started_at": "2026-01-01T00:00:00.000000Z",
            "last_active_at": "2026-01-01T00:00:04.000000Z",
            "ended_at": "2026-01-01T00:00:04.000000Z",
            "previous_id": None,
            "metadata": {"plan": "pro"},
            "traces": [
                {
                    "id": "00000000000000000000000000000001",
                    "session_id": FIRST,
                    "user_identifier": "u",
                    "name": "answer",
                    "kind": "function",
                    "environment": None,
                    "tags": {},
                    "started_at": "2026-01-01T00:00:01.000000Z",
                    "duration_ms": 2000.0,
                    "status": "ok",
                    "error": None,
                    "result": None,
                    "metadata": None,
                    "llm_calls": 0,
                    "errors": 0,
                    "input_tokens": None,
                    "output_tokens": None,
                    "cost_usd": None,
                    "unpriced_calls": 0,
                    "spans": [],
                    "annotations": [],
                }
            ],
            "turns": 0,
            "llm_calls": 0,
            "errors": 0,
            "input_tokens": None,
            "output_tokens": None,
            "cost_usd": None,
            "unpriced_calls": 0,
            "feedback_score": None,
            "first_input": None,
            "last_output": None,
            "annotations": [],
        }
    ]


def test_id_is_a_random_uuid() -> None:
    """The id of a session without one given is a random (version 4) UUID in its usual form."""
    with baserun.testing.capture(), baserun.with_session() as session:
        pass

    parsed = uuid.UUID(session.id)
    assert (str(parsed), parsed.version, parsed.variant) == (session.id, 4, uuid.RFC_4122)


def test_own_id_starts_a_session(captured: Captured) -> None:
    """An id from the application that is not stored yet starts a session with that id."""
    with baserun.with_session("u", session_identifier="conversation 7") as session:
        pass

    assert session.id == "conversation 7"
    assert [(stored.id, stored.user_identifier) for stored in captured.sessions] == [("conversation 7", "u")]


def test_resume_continues_the_session(captured: Captured) -> None:
    """Resuming a session by its id gives one session with the traces of both blocks."""
    with baserun.with_session("u") as session, baserun.start_trace("first"):
        pass
    with baserun.with_session("u", session_identifier=session.id), baserun.start_trace("second"):
        pass

    (stored,) = captured.sessions
    assert [trace.name for trace in stored.traces] == ["first", "second"]  # type: ignore[union-attr]


def test_resume_reopens_an_ended_session(captured: Captured, clock: FakeClock) -> None:
    """A resumed session is open again until its next end."""
    with baserun.with_session() as session:
        pass
    ended = captured.sessions[0].ended_at
    clock.advance(1)

    with baserun.with_session(session_identifier=session.id):
        resumed = captured.sessions[0].ended_at

    assert ended is not None
    assert resumed is None


def test_resume_keeps_the_beginning(captured: Captured, clock: FakeClock) -> None:
    """Resuming keeps the start of a session and updates its last activity."""
    with baserun.with_session() as session:
        began = clock.now_us()
    clock.advance(3600)
    with baserun.with_session(session_identifier=session.id):
        pass

    (stored,) = captured.sessions
    assert stored.started_at.timestamp() * 1_000_000 == began
    assert (stored.last_active_at - stored.started_at).total_seconds() == 3600


def test_resume_joins_metadata(captured: Captured) -> None:
    """Metadata given at a resume is merged into the stored one; for the same key the later value counts."""
    with baserun.with_session(metadata={"plan": "free", "page": "start"}) as session:
        pass
    with baserun.with_session(session_identifier=session.id, metadata={"plan": "pro"}):
        pass

    assert captured.sessions[0].metadata == {"plan": "pro", "page": "start"}


def test_metadata_that_is_added_in_the_block_is_recorded(captured: Captured) -> None:
    """What the block puts into `session.metadata` is recorded when the block ends."""
    with baserun.with_session() as session:
        session.metadata["plan"] = "pro"

    assert captured.sessions[0].metadata == {"plan": "pro"}


def test_metadata_of_the_caller_is_copied(captured: Captured) -> None:
    """Metadata is copied: later changes to the caller's dict are not recorded, nor is the caller's dict changed."""
    facts = {"plan": "pro"}
    with baserun.with_session(metadata=facts) as session:
        facts["plan"] = "changed"
        session.metadata["page"] = "chat"

    assert facts == {"plan": "changed"}
    assert captured.sessions[0].metadata == {"plan": "pro", "page": "chat"}


def test_block_ends_the_session_that_it_opened(captured: Captured) -> None:
    """With `auto_end`, the default, leaving the block ends the session."""
    with baserun.with_session():
        inside = captured.sessions[0].ended_at

    assert inside is None
    assert captured.sessions[0].ended_at is not None


def test_block_ends_the_session_that_it_resumed(captured: Captured) -> None:
    """Leaving a block that resumed a session ends it again."""
    with baserun.with_session(session_identifier="chat", auto_end=False):
        pass
    with baserun.with_session(session_identifier="chat"):
        pass

    assert captured.sessions[0].ended_at is not None


def test_block_without_auto_end_leaves_the_session_open(captured: Captured) -> None:
    """With `auto_end=False` leaving the block does not end the session, and still records its metadata."""
    with baserun.with_session(auto_end=False) as session:
        session.metadata["plan"] = "pro"

    assert baserun.current_session() is None
    assert [(stored.ended_at, stored.metadata) for stored in captured.sessions] == [(None, {"plan": "pro"})]


def test_block_that_fails_ends_its_session(captured: Captured) -> None:
    """An exception passes through the block unchanged, and the session is ended."""
    error = ValueError("no")

    with pytest.raises(ValueError, match="no") as raised, baserun.with_session():
        raise error

    assert raised.value is error
    assert baserun.current_session() is None
    assert captured.sessions[0].ended_at is not None


def test_start_session_is_current_until_it_is_ended(captured: Captured) -> None:
    """A session without a block is current from `start_session` to `end_session`."""
    session = baserun.start_session("u", metadata={"plan": "pro"})
    with baserun.start_trace("answer"):
        pass
    inside = baserun.current_session()

    baserun.end_session(session)

    assert inside is session
    assert baserun.current_session() is None
    (stored,) = captured.sessions
    assert (stored.user_identifier, stored.metadata, stored.ended_at is not None) == ("u", {"plan": "pro"}, True)
    assert [trace.name for trace in stored.traces] == ["answer"]  # type: ignore[union-attr]


def test_start_session_resumes_by_id(captured: Captured) -> None:
    """`start_session` with an id continues that session."""
    baserun.start_session(session_identifier="chat").end()
    baserun.start_session(session_identifier="chat").end()

    assert [stored.id for stored in captured.sessions] == ["chat"]


def test_sessions_end_in_any_order(captured: Captured) -> None:
    """Ending the outer of two started sessions first leaves the inner one current until it is ended."""
    outer = baserun.start_session()
    inner = baserun.start_session()

    outer.end()
    between = baserun.current_session()
    inner.end()

    assert between is inner
    assert baserun.current_session() is None


def test_end_by_id_from_elsewhere(captured: Captured) -> None:
    """A session can be ended by its id alone."""
    with baserun.with_session(auto_end=False) as session:
        pass

    baserun.end_session(session.id)

    assert captured.sessions[0].ended_at is not None


def test_end_by_id_where_it_is_current() -> None:
    """A session ended by its id is no longer current; one started inside it stays current."""
    baserun.start_session(session_identifier="outer")
    inner = baserun.start_session(session_identifier="inner")

    baserun.end_session("outer")
    between = baserun.current_session()
    baserun.end_session("inner")

    assert between is inner
    assert baserun.current_session() is None


def test_end_of_an_unknown_id_is_kept(captured: Captured) -> None:
    """Ending an id that is not stored yet drops nothing: its session may arrive from another process."""
    baserun.end_session("not here yet")

    assert captured.stats.dropped == {}


def test_second_end_changes_nothing(captured: Captured) -> None:
    """Ending a session twice neither raises nor opens another one."""
    session = baserun.start_session()

    session.end()
    session.end()

    assert baserun.current_session() is None
    assert len(captured.sessions) == 1


def test_entering_a_block_twice_is_a_mistake(captured: Captured) -> None:
    """Entering a `with_session` object a second time raises."""
    block = baserun.with_session()
    with block:
        pass

    with pytest.raises(baserun.BaserunError, match="call it again for another block"), block:
        pass


def test_session_without_any_work_is_a_session(captured: Captured) -> None:
    """A session in which nothing happened is recorded too."""
    with baserun.with_session("u"):
        pass

    assert [(stored.id, stored.traces) for stored in captured.sessions] == [(FIRST, [])]


async def test_async_with(captured: Captured) -> None:
    """`async with` works like `with`."""
    async with baserun.with_session("u") as session:
        inside = baserun.current_session()

    assert inside is session
    assert baserun.current_session() is None
    assert captured.sessions[0].ended_at is not None
