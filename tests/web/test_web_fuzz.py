"""Hostile cookies and headers against a whole application: no error, and no access to another user's session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baserun
from baserun.testing import Captured
from baserun.web import ASGIMiddleware
from baserun.web._token import Keys

NOW = 1_767_225_600  # the time of a `FakeClock`
SECRETS = ["new secret", "old secret"]
DROPPED = "dropped secret"


def signed(secret: str, age: int, started: int, user: str | None) -> str:
    keys = Keys([secret], lambda: NOW - age)
    return keys.sign(f"session-of-{user}", NOW - started, keys.owner(user))


GENUINE = st.builds(
    signed,
    st.sampled_from([*SECRETS, DROPPED]),
    st.sampled_from([-10_000, -61, -30, 0, 61, 1800, 1801, 100_000]),
    st.sampled_from([0, 86_400, 86_401]),
    st.sampled_from([None, "ann", "bob"]),
)
LATIN = st.text(st.characters(max_codepoint=255), max_size=60)
EDITED = st.builds(
    lambda token, at, put: token[: at % 150] + put + token[at % 150 + 1 :], GENUINE, st.integers(0), LATIN
)
HUGE = st.sampled_from(["x" * 1_000_000, "baserun=" * 20_000, ";" * 50_000, "\0" * 1000])
VALUE = st.one_of(GENUINE, EDITED, LATIN, HUGE)
COOKIE = st.one_of(VALUE.map("baserun={}".format), VALUE.map('baserun="{}"'.format), VALUE, LATIN.map("a={}".format))
HEADERS = st.lists(
    st.one_of(
        st.tuples(st.just("cookie"), st.lists(COOKIE, max_size=4).map("; ".join)),
        st.tuples(st.just("baserun-session"), VALUE),
        st.tuples(st.just("baggage"), VALUE.map("session.id={}".format)),
    ),
    max_size=4,
)


def check(ask: Callable[..., Coroutine[Any, Any, Any]], headers: list[tuple[str, str]], user: str | None) -> None:
    """Send the headers to an application where `user` is authenticated, and check whose session the request is in."""
    seen: list[tuple[str, str | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        session = baserun.current_session()
        assert session is not None
        seen.append((session.id, session.user_identifier))
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body"})

    wrapped = ASGIMiddleware(app, secret=SECRETS, get_user=lambda scope: user)
    answer = asyncio.run(ask(wrapped, headers=headers))

    ((session_id, found),) = seen
    assert answer.status == 200
    assert found == user
    assert user is None or session_id == f"session-of-{user}" or not session_id.startswith("session-of-")


FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=500)


@FUZZ
@given(headers=HEADERS, user=st.sampled_from([None, "ann", "bob"]))
def test_nobody_gets_into_somebody_elses_session(
    captured: Captured, ask: Any, headers: list[tuple[str, str]], user: str | None
) -> None:
    """With any hostile or genuine cookies and headers the request succeeds, in the user's own session or a new one."""
    check(ask, headers, user)


@pytest.mark.storm
@settings(FUZZ, max_examples=10_000)
@given(headers=HEADERS, user=st.sampled_from([None, "ann", "bob"]))
def test_nobody_gets_into_somebody_elses_session_ten_thousand_times(
    captured: Captured, ask: Any, headers: list[tuple[str, str]], user: str | None
) -> None:
    """The same holds for ten thousand requests."""
    check(ask, headers, user)
