"""Problems: empty, broken, newer and locked stores, exceeded budgets, and our own faults."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from baserun.exceptions import NarrowFilterError
from baserun.store import Activity, open_store
from baserun.store._location import resolve
from baserun.store.sqlite._lock import WriteLock
from baserun.store.sqlite._store import SqliteStore
from baserun_monitor import Pages
from page_visitors import visitor_of

PLACES = ("/", "/sessions", "/users", "/traces", "/search?text=x")


def visit(path: Path, budget: float | None = None) -> TestClient:
    return visitor_of(open_store(path, budget=budget))


@pytest.mark.parametrize("place", PLACES[:4])
def test_an_empty_store_says_what_to_do(tmp_path: Path, place: str) -> None:
    """For an empty store the page shows the code that records."""
    answer = visit(tmp_path / "none.sqlite3").get(place)

    assert answer.status_code == 200
    assert "with_session" in answer.text


@pytest.mark.parametrize("place", PLACES[:4])
def test_an_empty_store_says_which_file_it_is(tmp_path: Path, place: str) -> None:
    """For an empty store the page names its file, for those who recorded from another folder."""
    answer = visit(tmp_path / "none.sqlite3").get(place)

    assert str(tmp_path / "none.sqlite3") in answer.text
    assert "BASERUN_STORE" in answer.text


@pytest.mark.parametrize("place", PLACES)
def test_a_broken_store_is_named(tmp_path: Path, place: str) -> None:
    """A file that is no store gives a page that says so and names `baserun doctor`."""
    path = tmp_path / "broken.sqlite3"
    path.write_bytes(b"this is no database" * 100)

    answer = visit(path).get(place)

    assert answer.status_code == 503
    assert "baserun doctor" in answer.text


@pytest.mark.parametrize("place", PLACES)
def test_a_newer_store_is_not_read(path: Path, place: str) -> None:
    """A store written by a newer Baserun is not read, and the page says to upgrade."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()

    answer = visit(path).get(place)

    assert answer.status_code == 503
    assert "Upgrade" in answer.text


def test_a_session_is_not_ended_while_the_store_is_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the store stays locked, ending a session gives a page that says so, and changes nothing."""
    monkeypatch.setattr("baserun.store.sqlite._store.LONGEST_WAIT", 0.05)
    store = open_store(path, budget=None)
    session = next(each for each in store.sessions(limit=100))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE sessions SET closed_us = NULL WHERE identifier = ?", (session.id,))
    connection.close()
    visitor = visit(path)
    token = re.search(r'name="token" value="(\w+)"', visitor.get(f"/sessions/{session.id}").text)
    assert token is not None

    with WriteLock(str(path)).held():
        answer = visitor.post(f"/sessions/{session.id}/end", data={"token": token[1]})

    assert answer.status_code == 503
    assert "The store is locked: another writer has held" in answer.text
    assert store.session(session.id).ended_at is None  # type: ignore[union-attr]
    store.close()


def test_an_unlucky_filter_asks_to_be_narrowed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that exceeds its budget keeps the form and asks to narrow the filter."""
    monkeypatch.setattr("baserun.store.sqlite._reader.CHECK_EVERY", 1)

    answer = visit(path, budget=0.0).get("/sessions", params={"text": "order", "sort": "-cost"})

    assert answer.status_code == 503
    assert "Narrow it" in answer.text
    assert 'name="text"' in answer.text


def test_an_overview_that_takes_too_long_offers_another_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An overview that exceeds its budget offers shorter periods and does not look empty; programs get 503."""
    monkeypatch.setattr("baserun.store.sqlite._reader.CHECK_EVERY", 1)
    visitor = visit(path, budget=0.0)

    answer, twin = visitor.get("/", params={"period": "90d"}), visitor.get("/overview.json")

    assert (answer.status_code, twin.status_code) == (503, 503)
    assert "Choose a shorter time" in answer.text
    assert 'href="/?period=24h"' in answer.text
    assert "Nothing is recorded yet" not in answer.text


@pytest.mark.parametrize(("place", "said"), [("/", "Write 30m, 24h, 7d or 4w."), ("/sessions", "7d, 4w or all.")])
def test_an_invalid_period_is_answered_with_the_valid_ones(path: Path, place: str, said: str) -> None:
    """For an invalid period the page names the valid ones; `all` is valid for lists, not for the Overview."""
    answer = visit(path).get(place, params={"period": "ever"})

    assert answer.status_code == 400
    assert said in answer.text


class LateForCharts(SqliteStore):
    """A store whose activity query exceeds its budget."""

    def activity(self, **asked: Any) -> Activity:
        raise NarrowFilterError(f"The question took longer than {self.location.path} may.")


def test_a_user_is_shown_without_charts_that_take_too_long(path: Path) -> None:
    """If the charts exceed the budget, the user's page shows the rest and says what is missing."""
    store = LateForCharts(resolve(path), budget=None)
    visitor = visitor_of(store)
    user = store.users(limit=1).items[0].user_identifier

    page = visitor.get(f"/users/{user}")

    assert page.status_code == 200
    assert "too much to be drawn just now" in page.text
    assert 'class="list sessions"' in page.text
    store.close()


def test_a_fault_of_ours_is_a_number(
    pages: Pages, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """For a fault of ours the visitor gets a number and no details; the log has them with the same number."""
    monkeypatch.setattr(pages.site.store, "sessions", lambda **filters: 1 / 0)

    answer = TestClient(pages, base_url="http://127.0.0.1").get("/sessions")

    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert answer.text.split()[-1].rstrip(".") in caplog.text
