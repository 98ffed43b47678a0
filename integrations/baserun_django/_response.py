"""Applying `ResponseChanges` to a Django response."""

from __future__ import annotations

from django.http.response import HttpResponseBase

from baserun.web import ResponseChanges, SessionCookie


def get_header(response: HttpResponseBase, name: str) -> str | None:
    """Return a header by its lower-case name; Django keeps cookies apart from the others."""
    if name == "set-cookie":
        return "\n".join(morsel.OutputString() for morsel in response.cookies.values()) or None
    value = response.headers.get(name)
    return None if value is None else str(value)


def apply(response: HttpResponseBase, changes: ResponseChanges) -> None:
    """Set the headers and the cookie on `response`."""
    for name, value in changes.headers:
        response.headers[name] = value
    if changes.cookie is not None:
        _set(response, changes.cookie)


def _set(response: HttpResponseBase, cookie: SessionCookie) -> None:
    response.set_cookie(
        cookie.name,
        cookie.value,
        max_age=cookie.max_age,
        path=cookie.path,
        domain=cookie.domain,
        secure=cookie.secure,
        httponly=cookie.httponly,
        samesite=cookie.samesite.capitalize(),  # type: ignore[arg-type]
    )
    if cookie.partitioned:
        # `set_cookie` has no argument for it, and http.cookies knows the attribute from Python 3.14 on only.
        morsel = response.cookies[cookie.name]
        morsel._reserved.setdefault("partitioned", "Partitioned")  # type: ignore[attr-defined]
        morsel._flags.add("partitioned")  # type: ignore[attr-defined]
        morsel["partitioned"] = True
