"""Hostile values are shown as plain text."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from baserun.store import Store
from page_visitors import visitor_of

OURS = {
    "script": 1,
    "img": 0,
    "iframe": 0,
    "object": 0,
    "style": 0,
    "base": 0,
    "meta": 3,
}
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Elements(HTMLParser):
    """Counts elements, and collects URLs and event handlers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, int] = {}
        self.addresses: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] = self.found.get(tag, 0) + 1
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]


@pytest.fixture(name="visitor")
def _visitor(hostile: Store) -> TestClient:
    return visitor_of(hostile)


def places(store: Store) -> list[str]:
    (session,), (trace,) = store.sessions().items, store.traces().items
    lists = ["/", "/sessions", "/users", "/traces", "/search?text=evil"]
    user = "/users/-?id=%3Dcmd%7C%27+%2FC+calc%27%21A0+%3Cscript%3E"
    return [
        *lists,
        f"/sessions/{session.id}",
        f"/traces/{trace.id}",
        user,
        user.replace("-?", "-/erase?"),
    ]


def test_no_element_of_theirs_is_made(visitor: TestClient, hostile: Store) -> None:
    """Pages have only our own scripts and URLs, and no pictures or event handlers."""
    for place in places(hostile):
        answer = visitor.get(place)
        page = Elements()
        page.feed(answer.text)

        assert answer.status_code == 200, place
        assert {name: page.found.get(name, 0) for name in OURS} == OURS, place
        assert page.handlers == [], place
        assert [each for each in page.addresses if not each.startswith(("/", "?", "#"))] == [], place


def test_what_screens_obey_is_made_visible(visitor: TestClient, hostile: Store) -> None:
    """Control characters, escape sequences and changes of direction are replaced by visible signs."""
    for place in places(hostile):
        assert CONTROLS.findall(visitor.get(place).text) == [], place

    assert "\u241b[31mred" in visitor.get(places(hostile)[5]).text


def test_templates_are_not_run(visitor: TestClient, hostile: Store) -> None:
    """Template syntax in a value is shown as text."""
    text = visitor.get(places(hostile)[5]).text

    assert "{{ 7*7 }}" in text
    assert " 49 " not in text


def test_a_line_of_a_megabyte_is_folded(visitor: TestClient, hostile: Store) -> None:
    """With a line of a megabyte the pages stay small and say where the rest is."""
    session, trace = (visitor.get(place) for place in places(hostile)[5:7])

    assert len(session.content) < 200_000
    assert len(trace.content) < 200_000
    assert "more characters are in" in session.text


def test_csv_is_not_run_by_a_spreadsheet(visitor: TestClient) -> None:
    """In CSV a cell that would be a formula gets an apostrophe; numbers stay numbers."""
    (row,) = csv.DictReader(io.StringIO(visitor.get("/sessions.csv").text))

    assert row["user_identifier"].startswith("'=cmd")
    assert row["last_output"] == "'=1+1"
    assert row["llm_calls"] == "1"


def test_hostile_addresses_are_answered(visitor: TestClient) -> None:
    """Hostile query parameters never cause a server error and are never shown unescaped."""
    bad = "<script>alert(1)</script>"
    for place in ("/sessions", "/users", "/traces", "/search", "/sessions/-", "/"):
        for name in (
            "text",
            "user",
            "sort",
            "after",
            "since",
            "period",
            "id",
            "span",
            "status",
            "tag",
            "min_cost",
            "page",
        ):
            answer = visitor.get(place, params={name: bad})

            assert answer.status_code in (200, 400, 404), (place, name)
            assert bad not in answer.text
