"""Access to the pages: who may look, and who may change something."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

import baserun
from baserun.exceptions import ConfigurationError
from baserun.store import Store
from baserun_monitor import LOOPBACK, Pages
from baserun_monitor._pages import ROUTES
from page_visitors import HOME

ADA = baserun.hash_user("ada@example.com")
KEY, ANOTHER_KEY = "a-key-that-is-long-enough", "another-key-that-is-long"
ADDRESSES = sorted(
    {
        (
            method,
            re.sub(r"\(\?P<identifier>.*?\)", "x", pattern).partition("|")[0].partition("(?:")[0],
        )
        for method, pattern, _ in ROUTES
    }
)


@pytest.fixture(name="guarded")
def _guarded(store: Store) -> TestClient:
    """Pages with a key."""
    return TestClient(Pages(store, key=KEY, hosts=LOOPBACK), base_url=HOME, follow_redirects=False)


def log_in(visitor: TestClient, key: str = KEY) -> None:
    answer = visitor.post("/login", data={"key": key})
    assert answer.status_code == 303, answer.text


def action_of(page: Any) -> str:
    """Return the URL of the page's form."""
    found = re.search(r'<form method="post" action="([^"]+)"', page.text)
    assert found is not None
    return html.unescape(found[1])


def key_cookie(visitor: TestClient) -> tuple[str, str]:
    """Return name and value of the login cookie."""
    return next(pair for pair in visitor.cookies.items() if pair[0].startswith("baserun_monitor_key"))


def token(visitor: TestClient) -> str:
    found = re.search(r'name="token" value="(\w+)"', visitor.get(f"/users/{ADA}/erase").text)
    assert found is not None
    return found[1]


def test_pages_need_to_know_who_may_look(store: Store) -> None:
    """Pages without `allow` and without a key are refused."""
    with pytest.raises(ConfigurationError, match="who may look"):
        Pages(store)


def test_a_short_key_is_refused(store: Store) -> None:
    """A key of less than 16 characters is refused."""
    with pytest.raises(ConfigurationError, match="the least is 16"):
        Pages(store, key="short")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"store": 5}, "Pages show an open store, or that of a URL or path, not 5"),
        ({"store": Pages}, "Pages show an open store, .* not <class"),
        ({"allow": True}, r"allow must be a function of the request, such as is_staff\(request\), not True"),
        ({"allow": lambda: True}, "allow must be a function of the request"),
        ({"key": b"a-key-that-is-long-enough"}, "key must be a str of at least 16 characters, not bytes"),
        ({"hosts": "example.com"}, r"hosts must be a list of names such as \['logs.example.com'\], not 'example.com'"),
        ({"hosts": ["https://example.com"]}, "without scheme, port and '\\*', not 'https://example.com'"),
        ({"hosts": ["example.com:8000"]}, "not 'example.com:8000'"),
        ({"hosts": ["*"]}, "not '\\*'"),
        ({"hosts": [".example.com"]}, "not '.example.com'"),
        ({"hosts": [7]}, "not 7"),
        ({"user_key": b"pepper"}, "user_key must be a non-empty str, not b'pepper'"),
    ],
)
def test_wrong_arguments_of_pages(given: dict[str, Any], message: str) -> None:
    """What the pages cannot be made of is refused at once, not at the first visit."""
    with pytest.raises(ConfigurationError, match=message):
        Pages(**{"allow": lambda request: True, **given})


@pytest.mark.parametrize("name", ["Logs.Example.com", "logs.example.com.", "::1", "192.0.2.7"])
def test_a_host_counts_however_it_is_written(store: Store, name: str) -> None:
    """A name of `hosts` counts in any case, and an address of either kind does."""
    host = f"[{name}]" if ":" in name else name.lower().rstrip(".")
    visitor = TestClient(Pages(store, allow=lambda request: True, hosts=[name]))

    assert visitor.get("/sessions", headers={"Host": f"{host}:4320"}).status_code == 200
    assert visitor.get("/sessions", headers={"Host": "example.com"}).status_code == 421


@pytest.mark.parametrize(("method", "place"), ADDRESSES)
def test_every_route_is_closed_without_the_key(guarded: TestClient, method: str, place: str) -> None:
    """Without login every route redirects people to the form and answers programs with 401."""
    answer = guarded.request(method, place)
    twin = guarded.request(method, place, headers={"Accept": "application/json"})

    login = "/login" if method == "POST" or place == "/" else f"/login?{urlencode({'next': place})}"
    assert (answer.status_code, answer.headers.get("location")) == (303, login)
    assert twin.status_code == 401
    assert guarded.request(method, f"{place}.json").status_code in (401, 303)


@pytest.mark.parametrize(("method", "place"), ADDRESSES)
def test_every_route_is_closed_to_whom_the_application_does_not_let_in(store: Store, method: str, place: str) -> None:
    """If `allow` returns False, every route answers 403."""
    visitor = TestClient(Pages(store, allow=lambda request: False), follow_redirects=False)

    assert visitor.request(method, place).status_code == 403


@pytest.mark.parametrize(("method", "place"), ADDRESSES)
def test_every_route_looks_at_the_host(visitor: TestClient, method: str, place: str) -> None:
    """Every route refuses unknown host names, which somebody else's DNS may point at this machine."""
    for host in (
        "evil.test",
        "127.0.0.1.evil.test",
        "localhost.evil.test:4320",
        "",
        "[::2]",
        "10.0.0.1",
    ):
        answer = visitor.request(method, place, headers={"Host": host})

        assert answer.status_code == 421
        assert ADA not in answer.text


@pytest.mark.parametrize("host", ["localhost", "localhost:4320", "127.0.0.1", "[::1]:4320", "LOCALHOST"])
def test_names_of_this_machine_are_answered(visitor: TestClient, host: str) -> None:
    """Names of this machine are accepted, with and without a port."""
    assert visitor.get("/sessions", headers={"Host": host}).status_code == 200


def test_the_key_opens(guarded: TestClient) -> None:
    """The key gives a cookie that opens the pages, does not contain the key, and is HttpOnly and SameSite=Strict."""
    answer = guarded.post("/login", data={"key": KEY})

    cookie = answer.headers["set-cookie"]
    assert KEY not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert guarded.get("/sessions").status_code == 200


def test_the_login_leads_to_the_page_that_was_asked_for(guarded: TestClient) -> None:
    """After the login the visitor gets the requested URL, also when the first key was wrong."""
    asked = "/sessions?text=caf%C3%A9+%26+bar&feedback=negative"
    form = guarded.get(guarded.get(asked).headers["location"])
    again = guarded.post(action_of(form), data={"key": "wrong-key-wrong-key"})

    answer = guarded.post(action_of(again), data={"key": KEY})

    assert answer.headers["location"] == asked
    assert guarded.get(form.url).headers["location"] == asked


def test_below_a_prefix_the_login_leads_there_too(store: Store) -> None:
    """Mounted below a prefix, the login leads to the requested page there."""
    app = Starlette(routes=[Mount("/admin", app=Pages(store, key=KEY))])
    visitor = TestClient(app, base_url=HOME, follow_redirects=False)
    form = visitor.get(visitor.get("/admin/users").headers["location"])

    assert visitor.post(action_of(form), data={"key": KEY}).headers["location"] == "/admin/users"


@pytest.mark.parametrize(
    "asked",
    [
        "//evil.test/",
        "/\\evil.test",
        "https://evil.test/",
        "evil.test",
        "\\\\evil.test",
        "/\t/evil.test",
        "/x\r\nSet-Cookie: a=b",
        "/../logout",
        "/sessions/%2E./%2e%2e/x",
    ],
)
def test_the_login_leads_to_no_other_place(guarded: TestClient, asked: str) -> None:
    """A link to the login form cannot make it lead to another site or outside of the pages."""
    answer = guarded.post("/login", params={"next": asked}, data={"key": KEY})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("others", ['prefs={"a":1}', "caf\u00e9=1", "two words=x", "a[]=1", "=;;", 'x="'])
def test_cookies_of_other_applications_do_not_matter(guarded: TestClient, others: str) -> None:
    """Unusual cookies of other applications on the host do not disturb the login."""
    log_in(guarded)
    cookie = f"{others}; {'='.join(key_cookie(guarded))}"

    answer = guarded.get("/sessions", headers={b"Cookie": cookie.encode("latin-1")})

    assert answer.status_code == 200


def test_the_cookie_of_these_pages_counts(guarded: TestClient) -> None:
    """Of two cookies with our name the first counts: browsers send that of the longer path first."""
    log_in(guarded)
    name, value = key_cookie(guarded)

    assert guarded.get("/sessions", headers={"Cookie": f"{name}={value}; {name}=another"}).status_code == 200


@pytest.mark.parametrize("key", ["", "wrong-key-wrong-key", KEY[:-1], KEY + "x", "\u00e9" * 20])
def test_another_key_does_not_open(guarded: TestClient, key: str) -> None:
    """A wrong key is refused and gives no cookie."""
    answer = guarded.post("/login", data={"key": key})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert guarded.get("/sessions").status_code == 303


@pytest.mark.parametrize("cookie", ["x", "x.y.z", "", "a" * 4000])
def test_a_made_up_cookie_does_not_open(guarded: TestClient, cookie: str) -> None:
    """A forged cookie does not open the pages."""
    log_in(guarded)
    name, _ = key_cookie(guarded)
    guarded.cookies.clear()

    assert guarded.get("/sessions", headers={"Cookie": f"{name}={cookie}"}).status_code == 303


def test_a_cookie_of_another_key_does_not_open(store: Store, guarded: TestClient) -> None:
    """A cookie signed with another key does not open the pages, even under the right name."""
    log_in(guarded)
    _, value = key_cookie(guarded)
    other = TestClient(Pages(store, key=ANOTHER_KEY, hosts=LOOPBACK), base_url=HOME, follow_redirects=False)
    log_in(other, ANOTHER_KEY)
    name, _ = key_cookie(other)
    other.cookies.clear()

    assert other.get("/sessions", headers={"Cookie": f"{name}={value}"}).status_code == 303


def test_two_pages_of_one_host_do_not_log_each_other_out(store: Store, guarded: TestClient) -> None:
    """Pages with two keys on two ports of a host use different cookies, since browsers send both to either."""
    another_home = HOME.replace("4320", "4321")
    other = TestClient(Pages(store, key=ANOTHER_KEY, hosts=LOOPBACK), base_url=another_home, follow_redirects=False)
    log_in(guarded)
    log_in(other, ANOTHER_KEY)
    cookies = "; ".join(f"{name}={value}" for name, value in dict([key_cookie(guarded), key_cookie(other)]).items())

    for visitor in (guarded, other):
        assert visitor.get("/sessions", headers={"Cookie": cookies}).status_code == 200


def test_the_key_is_not_taken_from_the_address(guarded: TestClient) -> None:
    """The key is not accepted in the URL, which histories and logs keep."""
    assert guarded.get("/sessions", params={"key": KEY}).status_code == 303


def test_logging_out_needs_the_token(guarded: TestClient) -> None:
    """Logging out needs the page's token, so that another site cannot log somebody out."""
    log_in(guarded)
    assert guarded.post("/logout").status_code != 303

    answer = guarded.post("/logout", data={"token": token(guarded)})

    assert answer.headers["location"] == "/login"
    assert guarded.get("/sessions").status_code == 303


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({"token": "0" * 64}, {}),
        ({"token": "right"}, {"Origin": "http://evil.test"}),
        ({"token": "right"}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
        ({"token": "right"}, {"Sec-Fetch-Site": "cross-site"}),
        ({"token": "right"}, {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_nothing_is_erased_for_another_site(visitor: TestClient, store: Store, form: Any, headers: Any) -> None:
    """Without the token, or from another origin, nothing is erased."""
    right = token(visitor)
    sent = {name: right if value == "right" else value for name, value in form.items()}

    answer = visitor.post(f"/users/{ADA}/erase", data={"confirm": "erase", **sent}, headers=headers)

    assert answer.status_code == 403
    assert store.user(ADA) is not None


def test_nothing_is_erased_by_a_link(visitor: TestClient, store: Store) -> None:
    """A GET request erases nothing."""
    visitor.get(f"/users/{ADA}/erase?confirm=erase&token={token(visitor)}")

    assert store.user(ADA) is not None


def test_erasing_wants_the_word(visitor: TestClient, store: Store) -> None:
    """Without the confirming word nothing is erased."""
    answer = visitor.post(f"/users/{ADA}/erase", data={"token": token(visitor), "confirm": "yes"})

    assert answer.status_code == 400
    assert store.user(ADA) is not None


@pytest.mark.parametrize("word", ["erase", "Erase "])
def test_erasing_gives_a_receipt(visitor: TestClient, store: Store, word: str) -> None:
    """With the token and the word, also capitalised as phones write it, the user is erased, and the page says so."""
    sessions = store.user(ADA).sessions  # type: ignore[union-attr]

    answer = visitor.post(f"/users/{ADA}/erase", data={"token": token(visitor), "confirm": word})

    assert answer.status_code == 200
    assert f"{sessions:,} removed" in answer.text
    assert store.user(ADA) is None
