"""Every example on its real server: concurrent users, restarts, clients that leave, access and refusals."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from baserun.store import StoredCall, StoredSession, StoredTrace
from waiting import eventually

Visit = Callable[[str], Any]


def traces_of(session: StoredSession) -> list[StoredTrace]:
    assert isinstance(session.traces, list)
    return session.traces


def questions(session: StoredSession) -> list[str]:
    """Return the last message of each call's input."""
    calls = [span for trace in traces_of(session) for span in trace.spans or [] if span.kind == "llm"]
    return [message["content"] for call in calls for message in call.input[-1:]]


def whole(site: Any, visitor: Any, turns: int) -> Callable[[], list[StoredSession] | None]:
    """Return a function that returns the visitor's sessions once `turns` traces have ended; None before."""

    def look() -> list[StoredSession] | None:
        sessions: list[StoredSession] = site.sessions(visitor)
        ended = [trace for session in sessions for trace in traces_of(session) if trace.status != "running"]
        return sessions if len(ended) >= turns else None

    return look


def test_two_people_chat_at_once(site: Any, visit: Visit) -> None:
    """Two users read streamed answers at the same time: one session each, with their own calls only."""
    people = [visit("ann"), visit("bob")]

    with ThreadPoolExecutor(2) as pool:
        for turn in range(3):
            list(pool.map(lambda person, turn=turn: person.ask(f'Say "{person.email} {turn}"'), people))

    for person in people:
        (session,) = eventually(whole(site, person, 3))
        assert questions(session) == [f'Say "{person.email} {turn}"' for turn in range(3)]


def test_answers_are_streamed(visit: Visit) -> None:
    """An answer comes piece by piece and ends with its feedback token."""
    lines = visit("cem").ask("Count to 5")

    assert [line["text"] for line in lines[:-1]] == ["1", " 2", " 3", " 4", " 5"]
    assert lines[-1].keys() == {"feedback_token"}


def test_what_was_said_is_still_there(visit: Visit) -> None:
    """The page shows the conversation so far."""
    visitor = visit("dora")
    visitor.ask('Say "as before"')

    page = visitor.page()

    assert page.index("Say &") < page.index("<p>as before</p>")


def test_tools_are_part_of_the_turn(site: Any, visit: Visit) -> None:
    """A turn in which the model looks up an order is one trace with two calls and the tool."""
    visitor = visit("eve")

    visitor.ask("Where is my order 4711?")

    (session,) = eventually(whole(site, visitor, 1))
    (trace,) = traces_of(session)
    assert [(span.kind, span.status) for span in trace.spans or []] == [("llm", "ok"), ("tool", "ok"), ("llm", "ok")]


def test_cookies_resume_after_a_restart(site: Any, visit: Visit) -> None:
    """After a restart a visitor is still logged in, and continues the same session."""
    visitor = visit("finn")
    visitor.ask('Say "before"')
    eventually(whole(site, visitor, 1))  # once the server is killed, it writes no more

    site.stop()
    site.start()
    visitor.ask('Say "after"')

    (session,) = eventually(whole(site, visitor, 2))
    assert questions(session) == ['Say "before"', 'Say "after"']
    assert "before" in visitor.page()


def test_feedback_arrives(site: Any, visit: Visit) -> None:
    """A thumbs down is stored as the session's feedback score."""
    visitor = visit("gail")
    *_, last = visitor.ask('Say "something wrong"')

    response = visitor.post("/feedback", {"token": last["feedback_token"], "thumbsup": False})

    assert response.status_code == 204
    eventually(lambda: [each for each in site.sessions(visitor) if each.feedback_score == 0])


def test_a_new_conversation_is_a_new_session(site: Any, visit: Visit) -> None:
    """After "New conversation" the page is empty and the next call is in another session."""
    visitor = visit("hana")
    visitor.ask('Say "the first"')

    page = visitor.submit("/new").text
    visitor.ask('Say "the second"')

    first, second = eventually(whole(site, visitor, 2))
    assert "the first" not in page
    assert (questions(first), questions(second)) == (['Say "the first"'], ['Say "the second"'])
    assert first.ended_at is not None


def test_who_leaves_is_recorded_as_leaving(site: Any, visit: Visit) -> None:
    """If the reader of an answer leaves, the trace is cancelled, and the call is cancelled or closed."""
    visitor = visit("igor")

    visitor.leave_after(3, "Count to 20000")

    (session,) = eventually(whole(site, visitor, 1))
    (trace,) = traces_of(session)
    (call,) = trace.spans or []
    assert trace.status == "cancelled"
    assert isinstance(call, StoredCall)
    assert call.stream_end in ("cancelled", "closed")


def test_what_was_read_before_leaving_is_kept(visit: Visit) -> None:
    """The conversation keeps the beginning of an answer whose reader left."""
    visitor = visit("kat")

    visitor.leave_after(3, "Count to 20000")

    assert eventually(lambda: "<p>1 2 3" in visitor.page())


def test_somebody_who_has_not_logged_in_cannot_ask(site: Any) -> None:
    """A visitor who is not logged in is redirected or refused."""
    response = httpx.post(f"{site.url}/messages", json={"message": "hello"})

    assert response.status_code in (302, 303, 403)


def test_staff_see_the_pages(site: Any, visit: Visit) -> None:
    """Staff see sessions on the pages; everybody else gets 403."""
    visitor, staff = visit("nora"), visit("staff")
    visitor.ask('Say "for the pages"')
    (session,) = eventually(whole(site, visitor, 1))

    page = staff.browser.get(f"/baserun/sessions/{session.id}")

    assert "for the pages" in page.raise_for_status().text
    assert visitor.browser.get(f"/baserun/sessions/{session.id}").status_code == 403
    assert httpx.get(f"{site.url}/baserun/sessions").status_code == 403


def test_pages_show_the_time_of_the_server(site: Any, visit: Visit) -> None:
    """The pages show times in the zone of the server, which no framework's default changes."""
    visitor, staff = visit("otto"), visit("staff")
    visitor.ask('Say "what time it is"')
    (session,) = eventually(whole(site, visitor, 1))

    page = staff.browser.get(f"/baserun/sessions/{session.id}").raise_for_status().text

    assert f'title="{session.started_at:%Y-%m-%d %H:%M:%S} UTC"' in page


def test_pages_of_other_sites_cannot_ask(site: Any, visit: Visit) -> None:
    """A request from another site's page is refused."""
    visitor = visit("jo")

    response = visitor.browser.post(
        "/messages",
        json={"message": "hello"},
        headers={"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"},
    )

    assert response.status_code == 403


def test_browsers_load_nothing_from_elsewhere(site: Any, visit: Visit) -> None:
    """All pages, also error pages, have a Content-Security-Policy."""
    visitor = visit("kim")

    policies = [visitor.browser.get(path).headers["Content-Security-Policy"] for path in ("/", "/none")]

    assert all(policy.startswith("default-src 'self'") for policy in policies)


def test_nothing_is_recorded_of_visits_without_calls(site: Any, visit: Visit) -> None:
    """Logging in and opening the page touch no session: nothing is stored and our cookie is not set."""
    visitor = visit("lee")

    visitor.page()

    assert site.sessions(visitor) == []
    assert "baserun" not in visitor.browser.cookies


def test_messages_that_cannot_be_used_are_refused(visit: Visit) -> None:
    """Empty, too long and missing messages are refused with 400."""
    visitor = visit("mia")

    unusable: list[Any] = [{"message": " "}, {"message": "x" * 4001}, {}, []]
    answers = [visitor.post("/messages", body) for body in unusable]

    assert [answer.status_code for answer in answers] == [400] * 4
