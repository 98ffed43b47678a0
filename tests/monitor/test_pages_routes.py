"""Every page, its JSON twin, and what comes with each answer."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

import baserun
from baserun.store import Store
from baserun.testing import capture
from baserun_monitor import LOOPBACK, Pages

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
    """The address of a place; those in capitals have an id in them."""
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
    """No page may run, load or be framed by anything but ours, be kept, or tell other sites where one was."""
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
    """No inline script, style attribute, event handler or address of another site."""
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
    """A field that is shown has a label around it or an own one."""
    without_labelled = re.sub(r"<label>.*?</label>", "", page, flags=re.DOTALL)
    fields = re.findall(r"<(?:input|select)\b[^>]*>", without_labelled)

    assert [field for field in fields if "aria-label" not in field and 'type="hidden"' not in field] == []


@pytest.mark.parametrize("name", ["sessions", "users", "traces"])
def test_lists_have_a_json_twin(visitor: TestClient, store: Store, name: str) -> None:
    """The same items as the store gives, by suffix and by Accept."""
    expected = [item.to_dict() for item in getattr(store, name)()]

    by_suffix = visitor.get(f"/{name}.json").json()
    by_header = visitor.get(f"/{name}", headers={"Accept": "application/json"}).json()

    assert by_suffix["items"] == expected
    assert by_header == by_suffix


def test_details_have_a_json_twin(visitor: TestClient, store: Store) -> None:
    """A session, a trace and a user as the store's own dicts."""
    session, trace = (address(store, place) for place in ("SESSION", "TRACE"))

    assert visitor.get(f"{session}.json").json()["id"] == session.rpartition("/")[2]
    assert visitor.get(f"{trace}.json").json()["spans"]
    assert visitor.get(f"/users/{ADA}.json").json()["user_identifier"] == ADA


def test_the_overview_has_a_json_twin(visitor: TestClient) -> None:
    """Sums, pieces, busiest users and models, the period before, and the ledger."""
    twin = visitor.get("/overview.json").json()

    assert twin["total"]["llm_calls"] == sum(bucket["llm_calls"] for bucket in twin["buckets"])
    assert {"before", "ledger", "users", "models"} <= set(twin)


def test_search_has_a_json_twin(visitor: TestClient) -> None:
    """The hits as the store gives them."""
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
    """An address of nothing is answered with 404."""
    assert visitor.get(place).status_code == 404


def test_what_is_not_there_is_not_found_for_programs(visitor: TestClient) -> None:
    """Programs are told in JSON."""
    answer = visitor.get("/sessions/none.json")

    assert answer.status_code == 404
    assert answer.json()["error"]["title"] == "No such session"


def test_other_methods_are_refused(visitor: TestClient) -> None:
    """What a page does not take is answered with those that it takes."""
    answer = visitor.put("/sessions")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "identifier",
    ["a/b", "..", ".", "-", "x.json", "x y", "%2e", "a?b=c#d", "id=1&x", "~", "a+b"],
)
def test_any_session_id_has_an_address(identifier: str) -> None:
    """Ids that a path would bend are found by the address on the list."""
    with capture() as captured:
        with (
            baserun.with_session(session_identifier=identifier),
            baserun.start_trace("t"),
        ):
            pass
        visitor = TestClient(
            Pages(captured.store, allow=lambda request: True, hosts=LOOPBACK),
            base_url="http://localhost",
        )
        page = visitor.get("/sessions").text
        link = re.search(r'class="go" href="([^"]+)"', page)
        assert link is not None

        answer = visitor.get(
            link[1].replace("&amp;", "&").replace("&#39;", "'"),
            headers={"Accept": "application/json"},
        )

        assert answer.json()["id"] == identifier


def test_static_files_may_be_kept(visitor: TestClient) -> None:
    """Their addresses change with them."""
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', visitor.get("/sessions").text)

    assert len(links) == 3
    assert all("immutable" in visitor.get(link).headers["cache-control"] for link in links)
