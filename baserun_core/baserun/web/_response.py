"""What the session adds to the headers of a response, and when it must not add anything."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from baserun.web._cookie import SessionCookie

GetHeader = Callable[[str], "str | None"]
"""A header of the response by its lower-case name; several of one name are joined by commas, or by newlines for
``set-cookie``."""

LIVE_TYPES = ("text/event-stream", "application/x-ndjson")
READING_METHODS = ("GET", "POST", "PUT", "PATCH", "QUERY", "WEBSOCKET")
"""Of requests whose body somebody reads."""


class ResponseChanges(msgspec.Struct, frozen=True):
    """What to do to the headers of a response: set these, each in place of those of the same name, and the cookie."""

    headers: tuple[tuple[str, str], ...]
    cookie: SessionCookie | None = None


def is_live(get_header: GetHeader) -> bool:
    """Whether the response is a stream in which calls may still be made, to be told by its headers alone."""
    content_type = get_header("content-type")
    if content_type is None or content_type.partition(";")[0].strip().lower() not in LIVE_TYPES:
        return False
    return get_header("content-length") is None


def may_carry(status: int, get_header: GetHeader) -> bool:
    """Whether a session may be named in the response: not when it is not modified, failed, or meant for everybody."""
    if status == 304 or status >= 500:
        return False
    directives = _directives(get_header("cache-control"))
    return "public" not in directives and "s-maxage" not in directives


def keep_private(get_header: GetHeader, varies_on: str) -> list[tuple[str, str]]:
    """The headers that keep a shared cache from handing the response to somebody else."""
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
    """Whether the application itself sets or deletes a cookie of this name; then it has its way."""
    return any(line.lstrip().startswith(name + "=") for line in (get_header("set-cookie") or "").split("\n"))


def _directives(control: str | None) -> set[str]:
    return {part.partition("=")[0].strip().lower() for part in (control or "").split(",")} - {""}
