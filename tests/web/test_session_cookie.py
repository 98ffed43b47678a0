"""The cookie: how it is written, and how it is found in the headers of a client."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baserun.web._cookie import MOST_CANDIDATES, cookie_name, find_cookies, make_cookie
from baserun.web._options import check_options


def written(*, is_secure: bool, **options: object) -> str:
    return make_cookie(check_options(options), "v", is_secure=is_secure, max_age=60).header()


def test_on_http() -> None:
    """Over http the cookie is `HttpOnly` and `SameSite=Lax`."""
    assert written(is_secure=False) == "baserun=v; Max-Age=60; Path=/; HttpOnly; SameSite=Lax"


def test_on_https() -> None:
    """Over https the cookie is also `Secure` and has the `__Host-` prefix."""
    assert written(is_secure=True) == "__Host-baserun=v; Max-Age=60; Path=/; Secure; HttpOnly; SameSite=Lax"


def test_for_a_domain() -> None:
    """A cookie with a domain has no `__Host-` prefix, which browsers accept for a single host only."""
    line = written(is_secure=True, cookie_domain="example.com")

    assert line.startswith("baserun=v;")
    assert "Domain=example.com" in line


def test_in_another_sites_frame() -> None:
    """Over https the cookie can be `SameSite=None` and `Partitioned`, for a widget in another site's page."""
    line = written(is_secure=True, cookie_samesite="none", cookie_partitioned=True)

    assert line.endswith("Secure; HttpOnly; SameSite=None; Partitioned")


def test_in_another_sites_frame_over_http() -> None:
    """Over http the cookie is `SameSite=Lax` instead, since browsers refuse `None` there."""
    assert written(is_secure=False, cookie_samesite="none", cookie_partitioned=True).endswith("HttpOnly; SameSite=Lax")


def test_name_on_https_needs_the_whole_site() -> None:
    """A cookie with a path other than ``/`` has no `__Host-` prefix, since browsers refuse it."""
    assert cookie_name(check_options({"cookie_path": "/app"}), is_secure=True) == "baserun"


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("baserun=a", ["a"]),
        ("x=1; baserun=a; y=2", ["a"]),
        ("baserun=a;baserun=b", ["a", "b"]),
        ('baserun="a"', ["a"]),
        ("baserun= a ; x=1", ["a"]),
        ("mybaserun=a", []),
        ("x=baserun=a", []),
        ("x=1, baserun=a", ["a"]),
        ("baserun", []),
        ("baserun=", [""]),
        (";;=;baserun=a", ["a"]),
        ("", []),
    ],
)
def test_is_found(header: str, values: list[str]) -> None:
    """All values of cookies with the name are found, in order."""
    assert list(find_cookies(header, "baserun")) == values


def test_only_a_few_are_read() -> None:
    """Of a thousand cookies with our name only `MOST_CANDIDATES` are read."""
    assert len(list(find_cookies("baserun=a;" * 1000, "baserun"))) == MOST_CANDIDATES


@given(
    header=st.text(st.characters(max_codepoint=255), max_size=300),
    value=st.from_regex(r"[A-Za-z0-9._~-]{1,40}", fullmatch=True),
)
def test_garbage_before_it_does_not_hide_it(header: str, value: str) -> None:
    """A cookie is found after any text that ends in a separator and does not have its name."""
    if "baserun" not in header:
        assert list(find_cookies(f"{header};baserun={value}", "baserun")) == [value]


@pytest.mark.storm
@settings(max_examples=10_000)
@given(header=st.text(st.characters(max_codepoint=255), max_size=3000))
def test_ten_thousand_headers_are_read(header: str) -> None:
    """Any header can be read, and gives str values."""
    assert all(isinstance(value, str) for value in find_cookies(header, "a"))
