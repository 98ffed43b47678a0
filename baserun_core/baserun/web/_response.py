"""The changes to the headers of a response, and when there must be none."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from baserun.web._cookie import SessionCookie

GetHeader = Callable[[str], "str | None"]
"""Gets a response header by its lower-case name; repeated headers are joined by commas, ``set-cookie`` by newlines."""

LIVE_TYPES = ("text/event-stream", "application/x-ndjson")
READING_METHODS = ("GET", "POST", "PUT", "PATCH", "QUERY", "WEBSOCKET")
"""Methods whose response body the client reads."""


class ResponseChanges(msgspec.Struct, frozen=True):
    """Headers to set, each replacing those of the same name, and the cookie to add."""

    headers: tuple[tuple[str, str], ...]
    cookie: SessionCookie | None = None


def is_live(get_header: GetHeader) -> bool:
    """Whether the headers are those of a live stream, during which models may still be called."""
    content_type = get_header("content-type")
    if content_type is None or content_type.partition(";")[0].strip().lower() not in LIVE_TYPES:
        return False
    return get_header("content-length") is None


def may_carry(status: int, get_header: GetHeader) -> bool:
    """Whether the response may carry a token: not with status 304 or 5xx, nor marked as cacheable for everybody."""
    if status == 304 or status >= 500:
        return False
    directives = _directives(get_header("cache-control"))
    return "public" not in directives and "s-maxage" not in directives


def keep_private(get_header: GetHeader, varies_on: str) -> list[tuple[str, str]]:
    """Return the headers that keep shared caches from serving the response to another visitor (RFC 9111)."""
    changed = []
    vary = get_header("vary") or ""
    names = [name.strip().lower() for name in vary.split(",")]
    if "*" not in names and varies_on.lower() not in names:
        changed.append(("Vary", f"{vary}, {varies_on}" if vary.strip() else varies_on))
    control = get_header("cache-control") or ""
    if not _directives(control) & {"private", "no-store"}:
        changed.append(("Cache-Control", f"{control}, private" if control.strip() else "private"))
    return changed


def sets_cookie(get_header: GetHeader, name: str) -> bool:
    """Whether the application itself sets or deletes a cookie of this name, which then stands."""
    return any(line.lstrip().startswith(name + "=") for line in (get_header("set-cookie") or "").split("\n"))


def _directives(control: str | None) -> set[str]:
    return {part.partition("=")[0].strip().lower() for part in (control or "").split(",")} - {""}
