"""The routes: every page, its JSON twin, and the headers of each response."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

import baserun
from baserun.store import Store
from baserun.testing import capture
from page_visitors import visitor_of

ADA = baserun.hash_user("ada@example.com")
PLACES = (
    "/",
    "/sessions",
    "/users",
    "/traces",
    "/search",
    "/search?text=order",
    "SESSION",
    "USER",
    "TRACE",
    "ERASE",
)


def address(store: Store, place: str) -> str:
    """Return the URL of a place; names in capitals stand for URLs with an id."""
    if place == "SESSION":
        return f"/sessions/{store.sessions(user=ADA, limit=1).items[0].id}"
    if place == "TRACE":
        return f"/traces/{store.traces(user=ADA, limit=1).items[0].id}"
    return {"USER": f"/users/{ADA}", "ERASE": f"/users/{ADA}/erase"}.get(place, place)


@pytest.fixture(name="page")
def _page(visitor: TestClient, store: Store, request: pytest.FixtureRequest) -> str:
    answer = visitor.get(address(store, request.param))
    assert answer.status_code == 200, answer.text
    return str(answer.text)


@pytest.mark.parametrize("place", PLACES)
def test_pages_are_sent_with_strict_headers(visitor: TestClient, store: Store, place: str) -> None:
    """Headers forbid foreign scripts and framing, caching, and referrers to other sites."""
    answer = visitor.get(address(store, place))

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith(
        "default-src 'none'; script-src 'self'; style-src 'self'"
    )
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("page", PLACES, indirect=True)
def test_pages_have_nothing_that_the_policy_forbids(page: str) -> None:
    """Pages have no inline script, style attribute, event handler or URL of another site."""
    assert not re.findall(
        r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|(?:src|href)=\"(?:https?:)?//",
        page,
    )


@pytest.mark.parametrize("page", PLACES, indirect=True)
def test_pages_are_small(page: str) -> None:
    """A first page is under 200 kB."""
    assert len(page.encode()) < 200_000


@pytest.mark.parametrize("page", PLACES, indirect=True)
def test_every_field_has_a_name_for_screen_readers(page: str) -> None:
    """Every visible field has a label around it or an `aria-label`."""
    without_labelled = re.sub(r"<label>.*?</label>", "", page, flags=re.DOTALL)
    fields = re.findall(r"<(?:input|select)\b[^>]*>", without_labelled)

    assert [field for field in fields if "aria-label" not in field and 'type="hidden"' not in field] == []


@pytest.mark.parametrize("name", ["sessions", "users", "traces"])
def test_lists_have_a_json_twin(visitor: TestClient, store: Store, name: str) -> None:
    """A list's JSON has the store's items, by suffix and by Accept header."""
    expected = [item.to_dict() for item in getattr(store, name)()]

    by_suffix = visitor.get(f"/{name}.json").json()
    by_header = visitor.get(f"/{name}", headers={"Accept": "application/json"}).json()

    assert by_suffix["items"] == expected
    assert by_header == by_suffix


def test_details_have_a_json_twin(visitor: TestClient, store: Store) -> None:
    """A session, a trace and a user are available as JSON."""
    session, trace = (address(store, place) for place in ("SESSION", "TRACE"))

    assert visitor.get(f"{session}.json").json()["id"] == session.rpartition("/")[2]
    assert visitor.get(f"{trace}.json").json()["spans"]
    assert visitor.get(f"/users/{ADA}.json").json()["user_identifier"] == ADA


def test_the_overview_has_a_json_twin(visitor: TestClient) -> None:
    """The overview's JSON has sums, buckets, busiest users and models, the previous period, and the ledger."""
    twin = visitor.get("/overview.json").json()

    assert twin["total"]["llm_calls"] == sum(bucket["llm_calls"] for bucket in twin["buckets"])
    assert {"before", "ledger", "users", "models"} <= set(twin)


def test_search_has_a_json_twin(visitor: TestClient) -> None:
    """The hits of a search are available as JSON."""
    assert visitor.get("/search.json?text=4711").json()["items"][0]["snippet"]


@pytest.mark.parametrize(
    "place",
    [
        "/nothing",
        "/sessions/none",
        "/users/none",
        "/traces/zz",
        "/sessions/a/b",
        "/static/x",
    ],
)
def test_what_is_not_there_is_not_found(visitor: TestClient, place: str) -> None:
    """An unknown URL or id gives 404."""
    assert visitor.get(place).status_code == 404


def test_what_is_not_there_is_not_found_for_programs(visitor: TestClient) -> None:
    """For programs a 404 is JSON."""
    answer = visitor.get("/sessions/none.json")

    assert answer.status_code == 404
    assert answer.json()["error"]["title"] == "No such session"


def test_other_methods_are_refused(visitor: TestClient) -> None:
    """An unsupported method gives 405, with the supported ones in Allow."""
    answer = visitor.put("/sessions")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "identifier",
    ["a/b", "..", ".", "-", "x.json", "x y", "%2e", "a?b=c#d", "id=1&x", "~", "a+b"],
)
def test_any_session_id_has_an_address(identifier: str) -> None:
    """The list's link to a session works for any id, also one with special characters for a path."""
    with capture() as captured:
        with (
            baserun.with_session(session_identifier=identifier),
            baserun.start_trace("t"),
        ):
            pass
        visitor = visitor_of(captured.store)
        page = visitor.get("/sessions").text
        link = re.search(r'class="go" href="([^"]+)"', page)
        assert link is not None

        answer = visitor.get(
            link[1].replace("&amp;", "&").replace("&#39;", "'"),
            headers={"Accept": "application/json"},
        )

        assert answer.json()["id"] == identifier


def test_static_files_may_be_kept(visitor: TestClient) -> None:
    """Static files may be cached forever: their URLs change with their content."""
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', visitor.get("/sessions").text)

    assert len(links) == 3
    assert all("immutable" in visitor.get(link).headers["cache-control"] for link in links)
