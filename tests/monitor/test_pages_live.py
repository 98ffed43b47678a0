"""Live updates: an open page is notified of writes."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

from starlette.testclient import TestClient

import baserun
from baserun.instrumentation import finish_call, start_call
from baserun.store import Store, open_store
from baserun.testing import FakeClock, capture
from baserun_monitor import Pages
from baserun_monitor._live import Live
from page_visitors import visitor_of
from recorded_calls import Described

WRITE = """
import sys, baserun
baserun.init(store=sys.argv[1])
with baserun.with_session(), baserun.start_trace("from elsewhere"):
    pass
assert baserun.flush(30)
"""


def write_from_elsewhere(path: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITE, str(path)], check=True)


async def first_news(live: Live) -> str:
    async for piece in live.stream():
        if b"event: news" in piece:
            return piece.decode()
    raise AssertionError("the stream ended without news")


def test_another_process_is_heard(path: Path, store: Store) -> None:
    """A write of another process is sent as an event with the store's new state."""
    live = Live(store, store.state())
    write_from_elsewhere(path)

    news = asyncio.run(asyncio.wait_for(first_news(live), 30))

    assert f"data: {store.state()}" in news


def test_a_call_tells_how_long_it_took_while_its_trace_runs() -> None:
    """While a trace is running, the page shows the duration of its call."""
    clock = FakeClock()
    with capture(clock=clock) as captured, baserun.with_session("ada") as session, baserun.start_trace("POST /chat"):
        call = start_call("chat gpt-4o-mini")
        assert call is not None
        clock.advance(1.5)
        finish_call(call, Described(), 100)
        assert captured.flush()

        page = visitor_of(captured.store).get(f"/sessions/{session.id}").text

    assert "<span>1.50 s</span>" in page


def test_what_was_written_since_the_page_was_made_is_heard(path: Path, pages: Pages, visitor: TestClient) -> None:
    """A write between making the page and following the store is reported."""
    found = re.search(r'data-live="/live\?seen=(\w+)"', visitor.get("/sessions").text)
    assert found is not None
    write_from_elsewhere(path)

    assert b"event: news" in Live(pages.site.store, found[1]).once()


def test_only_the_head_of_the_news_can_be_asked_for(visitor: TestClient) -> None:
    """A HEAD request for the live stream gets the headers only."""
    answer = visitor.head("/live")

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == b""


def test_silence_is_no_news(store: Store) -> None:
    """If nothing was written, one look at the store gives no news, and says when to retry."""
    said = Live(store, store.state()).once()

    assert b"event: news" not in said
    assert b"retry: " in said


def test_a_store_that_appears_is_news(tmp_path: Path) -> None:
    """A store that is created after the page was opened is reported."""
    path = tmp_path / "later.sqlite3"
    with open_store(path) as store:  # type: ignore[attr-defined]
        live = Live(store, store.state())
        write_from_elsewhere(path)

        assert b"event: news" in live.once()
