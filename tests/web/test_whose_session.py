"""Visitors of all kinds, also with each other's cookies: nobody is ever in another person's session."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

import baserun
from baserun.testing import Captured, capture
from baserun.web import ANONYMOUS, known
from told_visitors import ToldMiddleware

PEOPLE = ("ann", "bob")
VISITORS = {"nobody": ANONYMOUS, "ann": known("ann"), "bob": known("bob")}


class Visit(NamedTuple):
    """One request: whose cookie it has, who is authenticated at first, and who becomes known later."""

    browser: int
    steals: int | None
    at_first: str | None
    """None: nobody is authenticated yet when the session is first touched."""
    later: str | None
    is_identified: bool
    """Whether `later` becomes known by `identify`, not by authentication."""
    is_live: bool

    @property
    def person(self) -> str | None:
        """Return the person at the end of the request; None if never known."""
        return self.later or self.at_first

    @property
    def first_person(self) -> str | None:
        """Return the person of the first log; None if that depends on whether the session had an owner before."""
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
    """Send the requests one after the other."""
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

    middleware = ToldMiddleware(app)
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
    """In any sequence of visits a session has one person at most, who is its user, and every log is recorded once.

    Users are known early or late, by authentication or `identify`, and have their own cookie or a stolen one.
    """
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
def test_repeated_visits_of_one_user_share_a_session(visit: Visit, times: int) -> None:
    """Repeated requests of one user are in one session, however late the user is known."""
    with capture(instrument="none", secret="a secret of the tests") as captured:
        asyncio.run(make([visit] * times))

        homes = {session.id: session.user_identifier for session in captured.sessions if session.traces}
        assert list(homes.values()) == [visit.person]
