"""The types of the public API, as type checkers see them. Nothing here runs: the environment `typing` checks it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

import baserun
from baserun.store import Page, Store, StoredSession, StoredTrace, StoredUser


def blocks() -> None:
    with baserun.with_session("user", "session", auto_end=False, metadata={"plan": "pro"}) as session:
        assert_type(session, baserun.Session)
        assert_type(session.id, str)
        assert_type(session.user_identifier, str | None)
    with baserun.span("look_up", kind="tool") as span:
        assert_type(span, baserun.Span)
    with baserun.start_trace(name="answer") as trace:
        assert_type(trace, baserun.Trace | baserun.Span)
        trace.metadata["language"] = "en"
        trace.result = {"any": "value"}
    with baserun.extract({"baggage": ""}) as resumed:
        assert_type(resumed, baserun.Session | None)
    with baserun.suppress() as nothing:
        assert_type(nothing, None)


async def asynchronous_blocks() -> None:
    async with baserun.with_session() as session:
        assert_type(session, baserun.Session)


@baserun.trace
def function(question: str, *, times: int = 1) -> list[str]:
    return [question] * times


@baserun.trace(name="answer", metadata={"language": "en"})
async def coroutine(question: str) -> str:
    return question


@baserun.with_session(user_identifier="user")
def generator() -> Iterator[int]:
    yield 1


@baserun.suppress()
async def asynchronous_generator() -> AsyncIterator[int]:
    yield 1


async def decorated_functions_keep_their_types() -> None:
    assert_type(function("why", times=2), list[str])
    assert_type(await coroutine("why"), str)
    assert_type(generator(), Iterator[int])
    assert_type(asynchronous_generator(), AsyncIterator[int])
    assert_type(baserun.propagate(function)("why"), list[str])


def wrong_calls() -> None:
    # Each of these is an error; where mypy finds none, it reports the unused ignore.
    function(1)  # type: ignore[arg-type]
    baserun.with_session(user=1)  # type: ignore[call-arg]
    baserun.hash_user(1)  # type: ignore[arg-type]


def values() -> None:
    assert_type(baserun.start_session(), baserun.Session)
    assert_type(baserun.current_session(), baserun.Session | None)
    assert_type(baserun.current_trace(), baserun.Trace | None)
    assert_type(baserun.current_span(), baserun.Span | None)
    assert_type(baserun.identify("user"), baserun.Session | None)
    assert_type(baserun.hash_user("ada@example.com"), str)
    assert_type(baserun.check("holds", True), bool)
    headers = {"accept": "text/plain"}
    assert_type(baserun.inject(headers), dict[str, str])
    assert_type(baserun.flush(), bool)
    assert_type(baserun.stats(), baserun.Stats)
    assert_type(baserun.stats().dropped, dict[str, int])
    assert_type(baserun.api_key, str | None)
    assert_type(baserun.__version__, str)


def reading() -> None:
    store = baserun.open_store()
    assert_type(store, Store)
    assert_type(store.sessions(user="user", limit=10), Page[StoredSession])
    assert_type(store.session("id"), StoredSession | None)
    assert_type(store.traces(), Page[StoredTrace])
    for user in store.users():
        assert_type(user, StoredUser)
    store.sessions(usr="user")  # type: ignore[call-arg]
