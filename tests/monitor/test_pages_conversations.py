"""The page of a session: its turns and their times."""

from __future__ import annotations

import re
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urldefrag

import openai
import pytest
from starlette.testclient import TestClient

import baserun
from baserun.testing import Captured, FakeClock, OfflineModel, capture
from baserun_monitor._paging import TURNS_A_PAGE
from page_visitors import visitor_of
from recorded_calls import record_call

DAY = 86_400


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock(datetime(2026, 5, 29, 12, tzinfo=UTC))


@pytest.fixture(name="captured")
def _captured(clock: FakeClock) -> Iterator[Captured]:
    with capture(clock=clock) as captured:
        yield captured


@pytest.fixture(name="visitor")
def _visitor(captured: Captured) -> TestClient:
    return visitor_of(captured.store)


@pytest.mark.parametrize("place", ["session", "trace", "span"])
def test_annotations_that_are_left_out_are_counted(captured: Captured, visitor: TestClient, place: str) -> None:
    """However often a visitor gave feedback, the page stays small, and says how many more there are and where."""
    with baserun.with_session("ada", "noted"), ExitStack() as around:
        if place != "session":
            around.enter_context(baserun.start_trace("chat"))
        if place == "span":
            around.enter_context(baserun.span("look up"))
        for number in range(150):
            baserun.feedback(f"name {number}", 0.5, comment="c" * 3_000)
    assert captured.flush()
    page = "/sessions/noted" if place == "session" else f"/traces/{captured.traces[0].id}"

    text = visitor.get(page).text

    assert len(text) < 400_000
    assert text.count('class="mark') == 100
    assert f'50 more are in <a href="{page}.json">the JSON</a>' in text


@pytest.mark.parametrize("page", ["session", "trace"])
def test_tags_are_shown_alike(captured: Captured, visitor: TestClient, page: str) -> None:
    """A tag that is no text is shown as JSON, on the page of its session as on that of its trace."""
    with baserun.with_session("ada", "tagged"), baserun.start_trace("chat") as trace:
        baserun.tag("beta", True)
    assert captured.flush()

    text = visitor.get("/sessions/tagged" if page == "session" else f"/traces/{trace.id}").text

    assert '<span class="quiet">beta</span> true</span>' in text


def test_feedback_is_shown_before_logs(captured: Captured, visitor: TestClient) -> None:
    """Among more annotations than are shown, logs are left out, not what somebody thought of the answer."""
    with baserun.start_trace("chat") as trace:
        for number in range(150):
            baserun.log(f"log {number}")
        baserun.feedback("helpful", 0.0, comment="It is wrong")
    assert captured.flush()

    text = visitor.get(f"/traces/{trace.id}").text

    assert "It is wrong" in text
    assert text.count('class="mark') == 100


@pytest.mark.parametrize(("number", "words"), [(7, "1 more call"), (9, "3 more calls")])
def test_calls_that_are_left_out_are_counted(
    captured: Captured, visitor: TestClient, call: Callable[..., None], number: int, words: str
) -> None:
    """Beside a turn with many calls stand the first six, and how many more there are."""
    with baserun.with_session("ada", "busy"), baserun.start_trace("chat"):
        for _ in range(number):
            call()
    assert captured.flush()

    text = visitor.get("/sessions/busy").text

    assert f">{words}</a>" in text


def test_earlier_messages_that_are_left_out_are_counted(captured: Captured, visitor: TestClient) -> None:
    """The page of a trace shows the last messages of a long input, and says how many there are before them."""
    messages: Any = [{"role": "user", "content": f"number {each}"} for each in range(100)]
    with (
        OfflineModel() as model,
        openai.OpenAI(base_url=model.url, api_key="offline") as client,
        baserun.start_trace("chat") as trace,
    ):
        client.chat.completions.create(model="gpt-4o", messages=messages)
    assert captured.flush()

    text = visitor.get(f"/traces/{trace.id}").text

    assert text.count('class="said user') == 60
    assert f'40 earlier messages are in <a href="/traces/{trace.id}.json">the JSON</a>' in text


def talk(clock: FakeClock, turns: int) -> list[str]:
    """Record a session with `turns` turns, a second apart; return the ids of their traces."""
    traces = []
    with baserun.with_session("ada", "long"):
        for _ in range(turns):
            with baserun.start_trace("POST /chat") as trace:
                baserun.log("said")
            clock.advance(1)
            traces.append(trace.id)
    return traces


@pytest.mark.parametrize("turn", [0, TURNS_A_PAGE - 1, TURNS_A_PAGE, -1])
def test_a_trace_leads_to_its_turn(captured: Captured, clock: FakeClock, visitor: TestClient, turn: int) -> None:
    """The link from a trace to its session leads to the page that shows the turn."""
    trace = talk(clock, 2 * TURNS_A_PAGE + 1)[turn]
    assert captured.flush()
    link = re.search(r'session <a class="id" href="([^"]+)"', visitor.get(f"/traces/{trace}").text)
    assert link is not None

    address, anchor = urldefrag(link[1])

    assert f'id="{anchor}"' in visitor.get(address).text


def test_a_turn_that_is_gone_leads_to_the_last_ones(captured: Captured, clock: FakeClock, visitor: TestClient) -> None:
    """A link to a turn that does not exist shows the last page of the conversation."""
    last = talk(clock, TURNS_A_PAGE + 1)[-1]
    assert captured.flush()

    shown = visitor.get("/sessions/long?turn=gone").text

    assert f'data-key="{last}"' in shown


def test_an_end_after_days_has_its_date(captured: Captured, clock: FakeClock, visitor: TestClient) -> None:
    """If a session ends on another day than it began, its end is shown with the date."""
    talk(clock, 1)
    clock.advance(3 * DAY)
    talk(clock, 1)
    assert captured.flush()

    begin, end = re.findall(r"<time [^>]*>([^<]*)</time>", visitor.get("/sessions/long").text)[:2]

    assert re.fullmatch(r"(2026-05-29|29 May) \d\d:\d\d", begin)
    assert re.fullmatch(r"0?1 Jun \d\d:\d\d", end)


def test_a_session_within_a_minute_has_one_time(captured: Captured, clock: FakeClock, visitor: TestClient) -> None:
    """The end of a session is shown only if its minute differs from that of the beginning."""
    talk(clock, 2)
    assert captured.flush()
    within = visitor.get("/sessions/long").text
    clock.advance(60)
    talk(clock, 1)
    assert captured.flush()
    beyond = visitor.get("/sessions/long").text

    assert not re.search(r"\d\d:\d\d</time>\u2013", within)
    assert re.search(r"\d\d:\d\d</time>\u2013<time [^>]*>\d\d:\d\d</time>", beyond)


def test_an_answer_that_was_cut_is_told_once(captured: Captured, visitor: TestClient) -> None:
    """A cancelled stream in a cancelled turn is marked once."""
    with suppress(CancelledError), baserun.with_session("ada", "long"), baserun.start_trace("POST /chat"):
        record_call("chat gpt-4o-mini", status="cancelled", stream=True, stream_end="cancelled")
        raise CancelledError
    assert captured.flush()

    marks = re.findall(r'<p class="mark warn">.*?</span> ([^<]*)</p>', visitor.get("/sessions/long").text)

    assert marks == ["stream cancelled before its end"]


def test_a_failure_is_told_where_it_happened(captured: Captured, clock: FakeClock, visitor: TestClient) -> None:
    """The failure of a long connection is shown after its messages, at the time when it happened."""
    with suppress(LookupError), baserun.with_session("ada", "long"), baserun.start_trace("WEBSOCKET /chat"):
        with baserun.start_trace("message", new=True):
            baserun.log("said")
        clock.advance(600)
        raise LookupError("no such room")
    assert captured.flush()

    page = visitor.get("/sessions/long").text

    assert page.index("said</span>") < page.index("10 min later") < page.index("LookupError: no such room")
    assert re.findall(r'<div class="at">.*?<time [^>]*>([^<]*)<', page)[1].endswith(":10:00")
