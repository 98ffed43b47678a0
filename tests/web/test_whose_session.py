"""Visitors of all kinds, with each other's cookies: whatever happens, nobody is in somebody else's session."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import baserun
from baserun.testing import Captured, capture
from baserun.web import ANONYMOUS, ASGIMiddleware, ASGIRequest, Visitor, known

PEOPLE = ("ann", "bob")
VISITORS = {"nobody": ANONYMOUS, "ann": known("ann"), "bob": known("bob")}


class AsTold(ASGIRequest):
    """A request whose user is in the scope: unknown until somebody puts one there."""

    __slots__ = ()

    def peek_user(self) -> Visitor:
        return self.scope.get("visitor") or super().peek_user()


class Told(ASGIMiddleware):
    request_class = AsTold


class Visit(NamedTuple):
    """One request: whose cookie it brings, who authentication says it is, and who turns out later."""

    browser: int
    steals: int | None
    at_first: str | None
    """None: nothing has authenticated anybody when the session is touched first."""
    later: str | None
    is_identified: bool
    """Whoever turns out later is told by `identify`, not by authentication."""
    is_live: bool

    @property
    def person(self) -> str | None:
        """Who it really was, in the end; None: nobody ever said."""
        return self.later or self.at_first

    @property
    def first_person(self) -> str | None:
        """Who said what was said first; None: that depends on whether the session was nobody's before."""
        return None if self.is_identified and self.at_first == "nobody" else self.person


BROWSERS = st.integers(0, 2)
VISIT = st.builds(
    Visit,
    browser=BROWSERS,
    steals=st.none() | BROWSERS,
    at_first=st.sampled_from([None, "nobody", *PEOPLE]),
    later=st.sampled_from([None, *PEOPLE]),
    is_identified=st.booleans(),
    is_live=st.booleans(),
).filter(lambda visit: visit.later is None or visit.at_first not in PEOPLE)


async def make(visits: list[Visit]) -> None:
    """Make the requests one after the other."""
    cookies: dict[int, str] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        visit: Visit = scope["visit"]
        if visit.at_first is not None:
            scope["visitor"] = VISITORS[visit.at_first]
        baserun.log(f"{scope['number']} first")
        if visit.later is not None and visit.is_identified:
            baserun.identify(visit.later)
        elif visit.later is not None:
            scope["visitor"] = VISITORS[visit.later]
        headers = [(b"content-type", b"text/event-stream")] if visit.is_live else []
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        baserun.log(f"{scope['number']} last")
        await send({"type": "http.response.body"})

    middleware = Told(app)
    for number, visit in enumerate(visits):
        brought = cookies.get(visit.browser if visit.steals is None else visit.steals, "")

        async def send(message: Any, browser: int = visit.browser) -> None:
            for name, value in message.get("headers", ()):
                if name == b"set-cookie":
                    cookies[browser] = value.decode().partition(";")[0]

        headers = [(b"cookie", brought.encode())]
        scope = {"type": "http", "method": "GET", "path": "/", "headers": headers, "visit": visit, "number": number}
        await middleware(scope, _nothing, send)


async def _nothing() -> Any:
    return {"type": "http.request", "body": b""}


def _people_of_sessions(captured: Captured, visits: list[Visit]) -> dict[str | None, set[str | None]]:
    homes = {trace.id: trace.session_id for trace in captured.traces}
    found: dict[str | None, set[str | None]] = {}
    for said in captured.annotations:
        number, _, which = str(said.value).partition(" ")
        visit = visits[int(number)]
        person = visit.first_person if which == "first" else visit.person
        found.setdefault(homes.get(said.trace_id or "", said.session_id), set()).add(person)
    return found


@settings(max_examples=300)
@given(visits=st.lists(VISIT, min_size=1, max_size=8))
def test_nobody_is_in_somebody_elses_session(visits: list[Visit]) -> None:
    """Known late or early, by authentication or `identify`, with one's own cookie or a stolen one: a session has one
    person at the most, who is its user, and everything that was said in each request is recorded once."""
    with capture(instrument="none", secret="a secret of the tests") as captured:
        asyncio.run(make(visits))

        users: dict[str | None, str | None] = {each.id: each.user_identifier for each in captured.sessions}
        assert len(captured.annotations) == 2 * len(visits)
        for session_id, people in _people_of_sessions(captured, visits).items():
            knowns = people & set(PEOPLE)
            assert len(knowns) <= 1, "two people in one session"
            assert not knowns or users[session_id] in knowns, "the session's user is somebody else"
            assert "nobody" not in people or not knowns, "somebody who was nobody is in a person's session"


@settings(max_examples=100)
@given(visit=VISIT.filter(lambda visit: visit.person in PEOPLE and visit.steals is None), times=st.integers(2, 4))
def test_whoever_comes_again_in_the_same_way_keeps_the_session(visit: Visit, times: int) -> None:
    """However late a user is known, it is one session from request to request."""
    with capture(instrument="none", secret="a secret of the tests") as captured:
        asyncio.run(make([visit] * times))

        homes = {session.id: session.user_identifier for session in captured.sessions if session.traces}
        assert list(homes.values()) == [visit.person]
