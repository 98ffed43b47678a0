"""The user of a session: a stronger source replaces a weaker one, and two users never share a session."""

from __future__ import annotations

import asyncio
import logging
from hashlib import sha256

import pytest

import baserun
from baserun._current import recorder
from baserun.instrumentation import start_call
from baserun.testing import Captured, capture

FIRST = "00000000-0000-4000-8000-000000000001"
SECOND = "00000000-0000-4000-8000-000000000002"
AUTHENTICATED = 2


def owners(captured: Captured) -> list[tuple[str, str | None]]:
    return [(session.id, session.user_identifier) for session in captured.sessions]


def test_hash_user_is_sha256_of_the_bytes() -> None:
    """`hash_user` is the SHA-256 of exactly the given text: nothing is stripped or lower-cased."""
    assert baserun.hash_user("User@Example.com ") == sha256(b"User@Example.com ").hexdigest()


def test_identify_fills_an_empty_user(captured: Captured) -> None:
    """`identify` sets the user of a session without one, and of its earlier traces."""
    with baserun.with_session() as session:
        with baserun.start_trace("before"):
            pass
        returned = baserun.identify("u")

    assert returned is session
    assert owners(captured) == [(FIRST, "u")]
    assert [trace.user_identifier for trace in captured.traces] == ["u"]
    assert [(user.user_identifier, user.sessions, user.traces) for user in captured.users] == [("u", 1, 1)]


def test_identify_again_changes_nothing(captured: Captured) -> None:
    """Identifying the same user again records nothing."""
    with baserun.with_session("u") as session:
        before = captured.stats.captured
        again = session.identify("u")

    assert again is session
    assert captured.stats.captured == before + 1  # the session's end
    assert owners(captured) == [(FIRST, "u")]


def test_identify_somebody_else_opens_a_linked_session(captured: Captured) -> None:
    """Identifying another user opens a linked session, which replaces the first as the current one."""
    with baserun.with_session("alice") as first:
        with baserun.start_trace("for alice"):
            pass
        second = baserun.identify("bob")
        now = baserun.current_session()
        with baserun.start_trace("for bob"):
            pass

    assert second is not None
    assert now is second
    assert second.previous_id == first.id
    assert owners(captured) == [(FIRST, "alice"), (SECOND, "bob")]
    assert [(trace.name, trace.user_identifier) for trace in captured.traces] == [
        ("for alice", "alice"),
        ("for bob", "bob"),
    ]


def test_block_ends_the_session_that_its_user_changed_to(captured: Captured) -> None:
    """When the user changed in a block, leaving it ends both sessions, and neither is current."""
    with baserun.with_session("alice"):
        baserun.identify("bob")

    assert baserun.current_session() is None
    assert [session.ended_at is not None for session in captured.sessions] == [True, True]


def test_started_session_whose_user_changed_is_left_by_either(captured: Captured) -> None:
    """After a change of user in a started session, ending the linked session leaves none current."""
    baserun.start_session("alice")
    linked = baserun.identify("bob")
    assert linked is not None

    linked.end()

    assert baserun.current_session() is None


@pytest.mark.parametrize("last", [0, 1, 2])
def test_end_of_a_started_session_whose_user_changed_ends_all(captured: Captured, last: int) -> None:
    """Ending a started session or any session that replaced it ends all of them, as at the end of a block."""
    sessions = [baserun.start_session("alice"), baserun.identify("bob"), baserun.identify("carol")]

    baserun.end_session(sessions[last] or "")

    assert baserun.current_session() is None
    assert [session.ended_at is not None for session in captured.sessions] == [True, True, True]


def test_change_of_user_reaches_the_blocks_around(captured: Captured) -> None:
    """A change of user in a nested block of a session holds in the outer block, too."""
    with baserun.with_session("alice"):
        with baserun.with_session():
            linked = baserun.identify("bob")
        after = baserun.current_session()

    assert after is linked


async def test_change_of_user_in_one_task_does_not_affect_others(captured: Captured) -> None:
    """Tasks that share a session and each identify another user record in their own user's session."""

    async def serve(user: str) -> None:
        baserun.identify(user)
        baserun.log(f"{user} first")
        await asyncio.sleep(0.01)
        baserun.log(f"{user} second")

    with baserun.with_session() as outer:
        await asyncio.gather(*(serve(user) for user in ("u1", "u2", "u3")))
        after = baserun.current_session()

    said = {note.value: session.user_identifier for session in captured.sessions for note in session.annotations or []}
    assert after is outer
    assert said == {f"{user} {word}": user for user in ("u1", "u2", "u3") for word in ("first", "second")}


async def test_change_of_user_in_a_child_task_leaves_the_parent_alone(captured: Captured) -> None:
    """A user identified in a task does not change the session of the block that began the task."""
    with baserun.with_session("alice") as outer:
        await asyncio.create_task(_identify("bob"))
        after = baserun.current_session()

    assert after is outer


async def _identify(user: str) -> None:
    baserun.identify(user)


async def test_block_that_is_left_is_left_by_linked_sessions(captured: Captured) -> None:
    """A task in which the user changed is in no session once the block in which it was begun is left."""
    left = asyncio.Event()

    async def serve() -> baserun.Session | None:
        baserun.identify("bob")
        await left.wait()
        return baserun.current_session()

    with baserun.with_session("alice"):
        task = asyncio.create_task(serve())
        await asyncio.sleep(0)
    left.set()

    assert await task is None


def test_change_of_user_in_an_open_trace(captured: Captured) -> None:
    """After a change of user an open trace stays in its session, and new spans begin a trace of the linked one."""
    with baserun.with_session("alice"), baserun.start_trace("request"):
        baserun.identify("bob")
        with baserun.span("for bob"):
            pass

    assert [(trace.name, trace.session_id, trace.user_identifier) for trace in captured.traces] == [
        ("request", FIRST, "alice"),
        ("for bob", SECOND, "bob"),
    ]


def test_a_change_of_user_around_another_session(captured: Captured) -> None:
    """When the user of an outer session changes, the inner session stays current; after it the linked one is."""
    with baserun.with_session("ada", "outer") as outer:
        with baserun.with_session("ada", "inner") as inner:
            linked = outer.identify("grace")
            inside = baserun.current_session()
        after = baserun.current_session()

    assert (inside, after, linked.previous_id) == (inner, linked, "outer")
    assert baserun.current_session() is None
    assert all(session.ended_at is not None for session in captured.sessions)


def test_change_of_user_leaves_other_sessions_alone(captured: Captured) -> None:
    """Identifying another user in an inner session with another id does not change the outer session."""
    with baserun.with_session("alice") as outer:
        with baserun.with_session("bob", session_identifier="chat"):
            baserun.identify("carol")
        after = baserun.current_session()

    assert after is outer
    assert owners(captured) == [(FIRST, "alice"), (SECOND, "carol"), ("chat", "bob")]


def test_identify_outside_of_any_session_says_so_once(captured: Captured, caplog: pytest.LogCaptureFixture) -> None:
    """`identify` outside any session returns None and logs one line."""
    with caplog.at_level(logging.WARNING, logger="baserun"):
        results = [baserun.identify("u"), baserun.identify("u")]

    assert results == [None, None]
    assert [record.getMessage() for record in caplog.records] == [
        "baserun.identify() was called outside of any session; it has no effect there"
    ]


def test_identify_beats_an_authenticated_user(captured: Captured) -> None:
    """`identify` replaces a user that the framework authenticated, in the session and its traces."""
    with baserun.with_session() as session:
        recorder().identify(session, "authenticated", AUTHENTICATED)
        with baserun.start_trace("work"):
            pass
        baserun.identify("explicit")

    assert owners(captured) == [(FIRST, "explicit")]
    assert [trace.user_identifier for trace in captured.traces] == ["explicit"]
    assert [user.user_identifier for user in captured.users if user.traces] == ["explicit"]


def test_nested_user_beats_an_authenticated_user(captured: Captured) -> None:
    """A user named by a nested `with_session` replaces an authenticated one, as `identify` does."""
    with baserun.with_session() as session:
        recorder().identify(session, "authenticated", AUTHENTICATED)
        with baserun.with_session("explicit") as inner:
            pass

    assert inner is session
    assert owners(captured) == [(FIRST, "explicit")]


def test_authenticated_user_beats_an_adopted_one(captured: Captured) -> None:
    """An authenticated user replaces one adopted from a provider call."""
    with baserun.with_session() as session:
        start_call("chat", end_user="adopted")
        recorder().identify(session, "authenticated", AUTHENTICATED)

    assert owners(captured) == [(FIRST, "authenticated")]


@pytest.mark.parametrize("strength", [1, AUTHENTICATED])
def test_weaker_user_changes_nothing(captured: Captured, strength: int) -> None:
    """Neither an adopted nor an authenticated user replaces one given to `with_session`."""
    with baserun.with_session("explicit") as session:
        recorder().identify(session, "weaker", strength)

    assert session.user_identifier == "explicit"
    assert owners(captured) == [(FIRST, "explicit")]


def test_call_adopts_its_end_user_for_a_session_without_user(captured: Captured) -> None:
    """A session without a user adopts the end user that a call names."""
    with baserun.with_session() as session:
        start_call("chat", end_user="adopted")
        known = session.user_identifier

    assert known == "adopted"
    assert owners(captured) == [(FIRST, "adopted")]


def test_second_call_does_not_adopt(captured: Captured) -> None:
    """A call that names another end user does not replace the first adopted one."""
    with baserun.with_session():
        start_call("chat", end_user="first")
        start_call("chat", end_user="second")

    assert owners(captured) == [(FIRST, "first")]


def test_call_outside_of_a_session_adopts_nothing(captured: Captured) -> None:
    """A call with an end user outside any session creates no session."""
    start_call("chat", end_user="adopted")

    assert captured.sessions == []


def test_resume_never_changes_the_owner(captured: Captured) -> None:
    """A session resumed for another user keeps its owner; the new trace has its own user."""
    with baserun.with_session("owner", session_identifier="chat"), baserun.start_trace("own"):
        pass
    with baserun.with_session("supporter", session_identifier="chat"), baserun.start_trace("support"):
        pass

    assert owners(captured) == [("chat", "owner")]
    assert [(trace.name, trace.user_identifier) for trace in captured.traces] == [
        ("own", "owner"),
        ("support", "supporter"),
    ]


def test_resume_fills_an_empty_owner(captured: Captured) -> None:
    """A session without a user gets the user of the first resume that names one."""
    with baserun.with_session(session_identifier="chat"), baserun.start_trace("anonymous"):
        pass
    with baserun.with_session("u", session_identifier="chat"):
        pass

    assert owners(captured) == [("chat", "u")]


def test_user_key_hashes_what_leaves_the_process() -> None:
    """With a `user_key` the store and headers have a keyed hash of the user; `session.user_identifier` stays plain."""
    with capture(user_key="pepper") as captured, baserun.with_session("u") as session, baserun.start_trace("t"):
        headers: dict[str, str] = baserun.inject({})
        inside = session.user_identifier

    hashed = "u1_9d854751c9c7f5fe2d14895e4d25cd5b2977af9f7471d810795b95bd035fed32"
    assert inside == "u"
    assert f"enduser.pseudo.id={hashed}" in headers["baggage"]
    assert [session.user_identifier for session in captured.sessions] == [hashed]
    assert [trace.user_identifier for trace in captured.traces] == [hashed]
    assert [user.user_identifier for user in captured.users] == [hashed]


def test_user_key_that_is_not_utf8() -> None:
    """A `user_key` with bytes that are not UTF-8 hashes users for the store and headers too."""
    with capture(user_key="pep\udcffer") as captured, baserun.with_session("u"), baserun.start_trace("t"):
        headers: dict[str, str] = baserun.inject({})

    (user,) = captured.users
    assert user.user_identifier.startswith("u1_")
    assert user.user_identifier in headers["baggage"]


def test_user_key_hashes_users_that_become_known() -> None:
    """A user who is identified, adopted or named by a resume is hashed too."""
    with capture(user_key="pepper") as captured:
        with baserun.with_session():
            baserun.identify("u")
        with baserun.with_session():
            start_call("chat", end_user="u")
        with baserun.with_session("u", session_identifier="chat"):
            pass

    assert {session.user_identifier for session in captured.sessions} == {
        "u1_9d854751c9c7f5fe2d14895e4d25cd5b2977af9f7471d810795b95bd035fed32"
    }


def test_value_that_is_hashed_already_passes() -> None:
    """A user identifier that is hashed already is not hashed again."""
    with capture(user_key="pepper") as captured, baserun.with_session("u1_abc"):
        pass

    assert [session.user_identifier for session in captured.sessions] == ["u1_abc"]


def test_pseudonym_and_its_user_are_the_same_person() -> None:
    """A session extracted with a hashed user is inherited by a block that names the same user in plain."""
    with capture(user_key="pepper") as captured:
        with baserun.with_session("u"):
            headers: dict[str, str] = baserun.inject({})
        with baserun.extract(headers) as session:
            with baserun.with_session("u") as nested:
                pass
            identified = baserun.identify("u")

    assert nested is session
    assert identified is session
    assert len(captured.sessions) == 1
