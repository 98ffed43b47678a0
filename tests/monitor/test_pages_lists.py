"""Lists: filters and sorts in the URL, users found by e-mail, and exports."""

from __future__ import annotations

import csv
import html
import io
import re
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

import openai
import pytest
from starlette.testclient import TestClient

import baserun
from baserun.store import Store
from baserun.testing import OfflineModel, capture
from page_visitors import visitor_of

ADA = baserun.hash_user("ada@example.com")


def keys(page: str) -> list[str]:
    return re.findall(r'<tr data-key="([^"]+)"', page)


@pytest.mark.parametrize(
    "filters",
    [
        {"user": ADA},
        {"feedback": "negative"},
        {"status": "error"},
        {"model": "gpt-4o"},
        {"text": "4711"},
        {"min_cost": "0.001"},
        {"min_errors": "1"},
        {"min_tokens": "500"},
        {"min_duration": "60"},
        {"tag": "version=2026.11"},
        {"sort": "-cost"},
        {"sort": "started"},
    ],
)
def test_filters_in_the_address_narrow_the_list(visitor: TestClient, store: Store, filters: dict[str, str]) -> None:
    """The page lists the sessions that the store returns for the same filters, in the same order."""
    numbers = {"min_cost": float, "min_tokens": int, "min_errors": int, "min_duration": float}
    asked = {name: numbers.get(name, str)(value) for name, value in filters.items()}

    page = visitor.get("/sessions", params=filters).text

    assert keys(page) == [session.id for session in store.sessions(**asked)]


@pytest.mark.parametrize("page", ["/users", "/users/tenant-eu-west-1%3Auser-000002%40example.com"])
def test_users_who_begin_and_end_alike_are_told_apart(page: str) -> None:
    """A user identifier that is not a hash is shown whole on pages of users."""
    with capture() as captured:
        for number in (1, 2):
            with baserun.with_session(f"tenant-eu-west-1:user-{number:06}@example.com"), baserun.start_trace("chat"):
                pass
        assert captured.flush()
        visitor = visitor_of(captured.store)

        text = visitor.get(page).text

    assert ">tenant-eu-west-1:user-000002@example.com<" in text


@pytest.mark.parametrize("page", ["/", "/sessions"])
def test_a_session_that_begins_with_spaces_has_a_link(page: str) -> None:
    """Where a visitor has said nothing visible, the link to the session has its id as its words."""
    with capture() as captured, OfflineModel() as model:
        with (
            openai.OpenAI(base_url=model.url, api_key="offline", max_retries=0) as client,
            baserun.with_session(session_identifier="of-spaces"),
            pytest.raises(openai.RateLimitError),
        ):
            model.next(status=429)
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": " \n "}])
        assert captured.flush()
        visitor = visitor_of(captured.store)

        text = visitor.get(page).text

    assert ">of-spaces<" in text


def test_periods_narrow_the_list(visitor: TestClient, store: Store) -> None:
    """`period=1h` lists the sessions of the last hour."""
    since = datetime.now(UTC) - timedelta(hours=1)

    assert keys(visitor.get("/sessions?period=1h").text) == [session.id for session in store.sessions(since=since)]


@pytest.mark.parametrize("page", ["/sessions", "/traces", "/search"])
def test_all_is_a_word_like_others(visitor: TestClient, page: str) -> None:
    """The word "all", which as a period means any time, is shown as a filter when it is searched for."""
    assert 'name="text" value="all"' in visitor.get(f"{page}?text=all").text


def test_a_period_narrows_a_time_further(visitor: TestClient, store: Store) -> None:
    """With both `since` and a period, the list has the sessions that match both."""
    long_ago, since = datetime.now(UTC) - timedelta(days=9), datetime.now(UTC) - timedelta(hours=1)

    for address in (f"/sessions?period=1h&since={long_ago:%Y-%m-%d}", f"/sessions?period=9d&since={since:%FT%T}"):
        shown = keys(visitor.get(address).text)

        assert shown == [session.id for session in store.sessions(since=since)], address


def test_a_form_becomes_an_address(visitor: TestClient) -> None:
    """A posted form redirects to a URL with its filled fields only."""
    answer = visitor.post(
        "/sessions",
        data={"text": "order", "status": "", "min_cost": "", "sort": "-cost"},
    )

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sessions?text=order&sort=-cost",
    )


@pytest.mark.parametrize("page", ["/sessions", "/traces", "/search"])
def test_an_email_address_becomes_its_hash(visitor: TestClient, page: str) -> None:
    """A posted e-mail address is replaced by its hash in the URL, which histories and logs keep."""
    answer = visitor.post(page, data={"user": "ada@example.com"})

    assert ADA in answer.headers["location"]
    assert "example.com" not in answer.headers["location"]


def test_the_email_address_of_a_user_leads_to_their_page(visitor: TestClient) -> None:
    """In the list of users, an e-mail address leads straight to the user's page."""
    assert visitor.post("/users", data={"user": "ada@example.com"}).headers["location"] == f"/users/{ADA}"


def test_somebody_unknown_is_not_found(visitor: TestClient) -> None:
    """For an unknown e-mail address the list is empty and says how to see all users."""
    location = visitor.post("/users", data={"user": "nobody@example.com"}).headers["location"]

    assert "Show all users" in visitor.get(location).text


def test_pages_follow_each_other(visitor: TestClient, store: Store) -> None:
    """Following the links to the next pages shows every trace once."""
    seen, address = [], "/traces"
    while True:
        page = visitor.get(address).text
        seen += keys(page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        if following is None:
            break
        address = "/traces" + following[1].replace("&amp;", "&")

    assert seen == [trace.id for trace in store.traces(limit=1000)]
    assert len(seen) > 50


@pytest.mark.parametrize("name", ["sessions", "users", "traces"])
def test_everything_that_matches_is_exported(visitor: TestClient, store: Store, name: str) -> None:
    """The CSV and JSON exports of a list have the items of all its pages, in the order of the list."""
    expected = list(getattr(store, name)(limit=1000))

    rows = list(csv.DictReader(io.StringIO(visitor.get(f"/{name}.csv").text)))
    items = visitor.get(f"/{name}.json?all=yes").json()["items"]

    assert len(rows) == len(expected)
    assert items == [item.to_dict() for item in expected]


def test_everything_that_was_found_is_exported(visitor: TestClient, store: Store) -> None:
    """The CSV and JSON exports of a search have the hits of all its pages, and the page links to them."""
    expected = list(store.search("support", limit=1000))

    rows = list(csv.DictReader(io.StringIO(visitor.get("/search.csv?text=support").text)))
    items = visitor.get("/search.json?text=support&all=yes").json()["items"]
    page = visitor.get("/search?text=support").text

    assert len(expected) > 30
    assert [row["span_id"] for row in rows] == [hit.span_id for hit in expected]
    assert items == [hit.to_dict() for hit in expected]
    assert 'href="/search.csv?text=support"' in page
    assert 'href="/search.json?text=support&amp;all=yes"' in page


def test_wrong_filters_are_explained(visitor: TestClient) -> None:
    """For an invalid filter the page keeps the form and says what is wrong."""
    answer = visitor.get("/sessions?min_cost=cheap")

    assert answer.status_code == 400
    assert "is not a number" in answer.text
    assert 'name="min_cost"' in answer.text


def test_everything_of_a_user_is_exported(visitor: TestClient, store: Store) -> None:
    """The export of a user has one line of JSON for each object that the store exports."""
    lines = visitor.get(f"/users/{ADA}/export").text.splitlines()

    assert len(lines) == len(list(store.export_user(ADA)))


def test_a_session_reads_as_a_conversation(visitor: TestClient, store: Store) -> None:
    """The page of a session shows messages, tools with results, pauses, closed streams, errors and feedback."""
    session = store.sessions(user=ADA, feedback="negative", limit=1).items[0]

    text = re.sub(r"<[^>]+>", "", visitor.get(f"/sessions/{session.id}").text)

    for words in (
        "Where is my order 4711?",
        "lookup_order(id=4711)",
        "packed",
        "min later",
        "first token",
        "stream closed by the application before its end",
        "RateLimitError (429)",
        "I only wanted to cancel",
        "image/png, 2,800 bytes",
    ):
        assert words in text.replace("&#34;", '"')


@pytest.mark.parametrize(
    ("sessions", "told"),
    [
        ("aabaa", [["1 later call", "3 later calls"]]),
        ("a--a", [["1 later call"]]),
        ("b" + "a" * 35, [["29 later calls"], ["at least 4 later calls"]]),
    ],
)
def test_a_hit_says_with_how_many_later_calls_it_was_sent(sessions: str, told: list[list[str]]) -> None:
    """A hit counts the later calls of its session that contain it; if there may be more, it says "at least"."""
    with capture() as captured:
        for session in sessions:
            place: AbstractContextManager[object] = nullcontext()
            if session != "-":
                place = baserun.with_session(session_identifier=session)
            with place, baserun.span("look_up", kind="tool") as span:
                span.result = "needle"
        assert captured.flush()
        visitor = visitor_of(captured.store)
        pages = [visitor.get("/search?text=needle").text]
        while following := re.search(r'rel="next" href="([^"]+)"', pages[-1]):
            pages.append(visitor.get("/search" + html.unescape(following[1])).text)

    assert [re.findall("sent along with ([^<]+)<", page) for page in pages] == told
