"""The cookie that carries the token: reading it from a request, and writing it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from baserun.web._options import WebOptions

HOST_PREFIX = "__Host-"
"""Browsers take it only from the host itself over https (RFC 6265bis), so no sibling domain can plant one."""
MOST_CANDIDATES = 4
"""Cookies of our name that are tried; a browser sends more than one only for several paths or domains."""


class SessionCookie(msgspec.Struct, frozen=True, kw_only=True):
    """A cookie to set."""

    name: str
    value: str
    max_age: int
    """In seconds; 0 deletes the cookie."""
    path: str
    domain: str | None
    secure: bool
    samesite: str
    partitioned: bool
    httponly: bool = True

    def header(self) -> str:
        """Return the value of the header ``Set-Cookie``."""
        parts = [f"{self.name}={self.value}", f"Max-Age={self.max_age}", f"Path={self.path}"]
        if self.domain is not None:
            parts.append(f"Domain={self.domain}")
        if self.secure:
            parts.append("Secure")
        parts += ["HttpOnly", f"SameSite={self.samesite.capitalize()}"]
        if self.partitioned:
            parts.append("Partitioned")
        return "; ".join(parts)


def cookie_name(options: WebOptions, *, is_secure: bool) -> str:
    """Return the name of the cookie on this connection: with ``__Host-`` where browsers allow it."""
    assert options.cookie is not None
    may_have_prefix = is_secure and options.cookie_domain is None and options.cookie_path == "/"
    return HOST_PREFIX + options.cookie if may_have_prefix else options.cookie


def make_cookie(options: WebOptions, value: str, *, is_secure: bool, max_age: int) -> SessionCookie:
    """Make the cookie with `value` for this connection."""
    return SessionCookie(
        name=cookie_name(options, is_secure=is_secure),
        value=value,
        max_age=max_age,
        path=options.cookie_path,
        domain=options.cookie_domain,
        secure=is_secure,
        samesite=options.cookie_samesite if is_secure or options.cookie_samesite != "none" else "lax",
        partitioned=options.cookie_partitioned and is_secure,
    )


def find_cookies(header: str, name: str) -> Iterator[str]:
    """Iterate over the values of the cookies called `name`, in the order of the header, at most `MOST_CANDIDATES`.

    Frameworks differ in which of several they take (Django and Starlette the last, Werkzeug the first); here all are
    tried. Nothing that a client can send makes this fail.
    """
    start, found, wanted = 0, 0, name + "="
    while found < MOST_CANDIDATES:
        at = header.find(wanted, start)
        if at < 0:
            return
        start = at + len(wanted)
        if not _begins_a_pair(header, at):
            continue
        end = header.find(";", start)
        found += 1
        yield header[start : len(header) if end < 0 else end].strip(' \t"')


def _begins_a_pair(header: str, at: int) -> bool:
    before = at - 1
    while before >= 0 and header[before] in " \t":
        before -= 1
    return before < 0 or header[before] in ";,"
