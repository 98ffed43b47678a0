"""Actions on the page of a session: ending it, and downloading a test of it."""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Iterator

import openai
import pytest
from starlette.testclient import TestClient

import baserun
from baserun.testing import Captured, OfflineModel, capture
from baserun.testing._replay.generate import generate
from baserun_monitor import LOOPBACK, Pages
from page_visitors import HOME, visitor_of
from recorded_calls import record_call

KEY = "a-key-that-is-long-enough"


def form_of(visitor: TestClient, session_id: str) -> dict[str, str]:
    """Return the fields of the form that ends the session; empty if the page has none."""
    found = re.search(
        r'action="[^"]+/end">\s*<input type="hidden" name="token" value="(\w+)"',
        visitor.get(f"/sessions/{session_id}").text,
    )
    return {} if found is None else {"token": found[1]}


def chat(said: str) -> None:
    with openai.OpenAI() as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": said}])


@pytest.fixture(name="captured")
def _captured() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


@pytest.fixture(name="model")
def _model(monkeypatch: pytest.MonkeyPatch) -> Iterator[OfflineModel]:
    with OfflineModel() as model:
        for name, value in model.environment().items():
            monkeypatch.setenv(name, value)
        yield model


@pytest.fixture(name="session_id")
def _session_id(captured: Captured, model: OfflineModel) -> str:
    """The id of a session with one turn that is not ended."""
    with baserun.with_session(auto_end=False) as session:
        chat("Where is my order?")
    assert captured.flush()
    return session.id


def test_a_session_is_ended_by_its_button(captured: Captured, session_id: str) -> None:
    """The button ends the session; then the page has no such button, and the store's totals are still right."""
    visitor = visitor_of(captured.store)

    answer = visitor.post(f"/sessions/{session_id}/end", data=form_of(visitor, session_id))

    ended = captured.store.session(session_id)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/sessions/{session_id}")
    assert ended is not None
    assert ended.ended_at is not None
    assert form_of(visitor, session_id) == {}
    assert captured.store.verify() == []


def test_the_page_after_the_end_shows_what_was_shown_before(captured: Captured, session_id: str) -> None:
    """After ending, the same page of turns is shown, and the times of the session are unchanged."""
    visitor = visitor_of(captured.store)
    before = captured.store.session(session_id)
    shown = visitor.get(f"/sessions/{session_id}?page=1").text
    action = re.search(r'action="([^"]+/end[^"]*)"', shown)
    assert action is not None

    answer = visitor.post(html.unescape(action[1]), data=form_of(visitor, session_id))

    after = captured.store.session(session_id)
    assert before is not None
    assert after is not None
    assert answer.headers["location"] == f"/sessions/{session_id}?page=1"
    assert (after.started_at, after.last_active_at) == (before.started_at, before.last_active_at)


def test_an_end_is_a_pause(captured: Captured, session_id: str) -> None:
    """The application can resume a session that was ended on its page."""
    visitor = visitor_of(captured.store)
    visitor.post(f"/sessions/{session_id}/end", data=form_of(visitor, session_id))

    with baserun.with_session(session_identifier=session_id, auto_end=False):
        chat("And the refund?")

    assert captured.flush()
    again = captured.store.session(session_id)
    assert again is not None
    assert (again.ended_at, again.turns) == (None, 2)


def test_a_session_is_ended_once(captured: Captured, session_id: str) -> None:
    """Ending a session that is already ended changes nothing."""
    visitor = visitor_of(captured.store)
    form = form_of(visitor, session_id)
    visitor.post(f"/sessions/{session_id}/end", data=form)
    before = captured.store.session(session_id)

    answer = visitor.post(f"/sessions/{session_id}/end", data=form)

    assert answer.status_code == 303
    assert captured.store.session(session_id) == before


def test_no_session_is_made_by_ending_it(captured: Captured, session_id: str) -> None:
    """Ending an unknown session gives 404 and creates none."""
    visitor = visitor_of(captured.store)

    answer = visitor.post("/sessions/none/end", data=form_of(visitor, session_id))

    assert answer.status_code == 404
    assert [each.id for each in captured.store.sessions()] == [session_id]


@pytest.mark.parametrize("form", [{}, {"token": "0" * 64}])
def test_nothing_is_ended_without_the_token(captured: Captured, session_id: str, form: dict[str, str]) -> None:
    """Without the right token, or by a link, nothing is ended."""
    visitor = visitor_of(captured.store)
    form_of(visitor, session_id)

    answer = visitor.post(f"/sessions/{session_id}/end", data=form)
    link = visitor.get(f"/sessions/{session_id}/end")

    session = captured.store.session(session_id)
    assert (answer.status_code, link.status_code) == (403, 405)
    assert session is not None
    assert session.ended_at is None


def test_nothing_is_ended_without_the_key(captured: Captured, session_id: str) -> None:
    """Without login nothing is ended, even with a token."""
    guarded = TestClient(Pages(captured.store, key=KEY, hosts=LOOPBACK), base_url=HOME, follow_redirects=False)
    guarded.post("/login", data={"key": KEY})
    form = form_of(guarded, session_id)
    guarded.cookies.delete(next(name for name in guarded.cookies if name.startswith("baserun_monitor_key")))

    answer = guarded.post(f"/sessions/{session_id}/end", data=form)

    session = captured.store.session(session_id)
    assert answer.headers["location"] == "/login"
    assert session is not None
    assert session.ended_at is None


def test_a_test_is_downloaded_with_its_recording(captured: Captured, session_id: str) -> None:
    """The page links to an archive with the files that `baserun sessions to-test` writes."""
    visitor = visitor_of(captured.store)
    session = captured.store.session(session_id)
    assert session is not None

    answer = visitor.get(f"/sessions/{session_id}/test")

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert files == generate(session).files
    assert re.fullmatch(r'attachment; filename="test_session_\w+\.zip"', answer.headers["content-disposition"])
    assert f'href="/sessions/{session_id}/test"' in visitor.get(f"/sessions/{session_id}").text


def test_no_test_is_made_of_what_was_not_kept(model: OfflineModel) -> None:
    """For a session recorded without content no test is made, and the error names the call."""
    with capture(capture_content=False) as captured:
        with baserun.with_session() as session:
            chat("Where is my order?")
        assert captured.flush()
        visitor = visitor_of(captured.store)

        answer = visitor.get(f"/sessions/{session.id}/test")
        told = visitor.get(f"/sessions/{session.id}/test", headers={"Accept": "application/json"})

        assert (answer.status_code, told.status_code) == (409, 409)
        assert "Call 1 (" in answer.text
        assert "recorded without content" in told.json()["error"]["message"]


def test_no_test_is_made_of_what_is_no_answer(captured: Captured) -> None:
    """For an output that is not a message no test is made, and the error says so."""
    with baserun.with_session() as session:
        record_call(operation="text_completion", input="Where is my order?", output=["On its way."])
    assert captured.flush()

    answer = visitor_of(captured.store).get(f"/sessions/{session.id}/test")

    assert answer.status_code == 409
    assert "has text in its output, in the place of a message" in answer.text


def test_no_test_is_made_of_a_session_without_calls(captured: Captured) -> None:
    """A session without calls has no link to a test, and the test's URL says why."""
    with baserun.with_session() as session, baserun.start_trace("t"):
        pass
    assert captured.flush()
    visitor = visitor_of(captured.store)

    answer = visitor.get(f"/sessions/{session.id}/test")

    assert answer.status_code == 409
    assert "no call to a model" in answer.text
    assert "/test" not in visitor.get(f"/sessions/{session.id}").text
