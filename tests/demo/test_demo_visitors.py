"""The records of the demo's simulated visitors."""

from __future__ import annotations

from typing import Any

import httpx

import baserun
from baserun.store import StoredCall, StoredTrace


def calls(trace: StoredTrace) -> list[StoredCall]:
    return [span for span in trace.spans or [] if isinstance(span, StoredCall)]


def test_conversations_have_several_turns(demo: Any) -> None:
    """Ben asks three times in one session, and gives positive feedback."""
    assert len(demo.traces("ben", 3)) == 3

    (session,) = demo.eventually(lambda: [each for each in demo.sessions("ben") if each.feedback_score is not None])
    assert (session.turns, session.errors, session.feedback_score) == (3, 0, 1)
    assert session.cost_usd > 0


def test_tools_are_used(demo: Any) -> None:
    """Ada's first turn has a call, a tool and a second call."""
    first, *_ = demo.traces("ada", 4)

    assert [span.kind for span in first.spans] == ["llm", "tool", "llm"]


def test_tools_are_used_several_at_once(demo: Any) -> None:
    """Fay asks for two orders: one turn with two tools."""
    (trace,) = demo.traces("fay", 1)

    assert [span.kind for span in trace.spans] == ["llm", "tool", "tool", "llm"]


def test_somebody_begins_a_new_conversation(demo: Any) -> None:
    """Ada starts a new conversation: she has two sessions."""
    demo.traces("ada", 4)

    assert [session.turns for session in demo.sessions("ada")] == [3, 1]


def test_somebody_leaves_in_the_middle(demo: Any) -> None:
    """Chloe's first answer is cancelled, and her second is complete."""
    first, second = demo.traces("chloe", 2)

    assert (first.status, second.status) == ("cancelled", "ok")
    assert [call.stream_end for trace in (first, second) for call in calls(trace)] == ["cancelled", "complete"]


def test_a_busy_provider_is_asked_again(demo: Any) -> None:
    """Dev's call is refused twice and then answered: one record with two retries."""
    (trace,) = demo.traces("dev", 1)

    (call,) = calls(trace)
    assert (call.status, call.retries) == ("ok", 2)


def test_a_failing_provider_is_an_error(demo: Any) -> None:
    """Elif's first call fails after all retries, and gets negative feedback."""
    first, _ = demo.traces("elif", 2)

    (call,) = calls(first)
    assert call.error is not None
    assert (call.status, call.retries, call.error.status_code) == ("error", 2, 503)
    assert [note.score for note in first.annotations] == [0]


def test_the_pages_show_it(demo: Any) -> None:
    """The pages show the sessions without a login."""
    demo.traces("ben", 3)

    response = httpx.get(f"{demo.url}/baserun/sessions.json", params={"user": baserun.hash_user("ben@example.com")})

    assert [item["first_input"] for item in response.json()["items"]] == ["Which of your inks is waterproof?"]


def test_you_can_chat_too(demo: Any) -> None:
    """A user who logs in gets answers, and is recorded under their own address."""
    answer = demo.chat("you", "Where is my order 4712?")

    assert answer == "Your notebook, dotted is on its way, and arrives Thursday."
    (trace,) = demo.traces("you", 1)
    assert trace.status == "ok"


def test_under_another_name_it_is_not_there(demo: Any) -> None:
    """A request with another host name, as after DNS rebinding, is refused."""
    for path in ("/", "/baserun/sessions"):
        assert httpx.get(demo.url + path, headers={"Host": "evil.example"}).status_code == 400
