"""Request and response, independent of server and framework."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from baserun_monitor._live import Live

MOST_BODY = 64 * 1024
"""Bytes of a form at most."""
MOST_FIELDS = 100


@dataclass(frozen=True)
class Request:
    """A request to the pages."""

    method: str
    path: str
    """The path below the mount point of the pages; begins with a slash."""
    root: str
    """The path of the mount point, without a slash at its end."""
    query: str
    headers: Mapping[str, str]
    """Headers by lower-case names."""
    scheme: str
    body: bytes = b""
    is_too_large: bool = False
    """The body was not read to its end, because it is larger than `MOST_BODY`."""

    @cached_property
    def params(self) -> dict[str, str]:
        """The parameters of the query; of a repeated name the last."""
        return _pairs(self.query)

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a submitted form."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return _pairs(self.body.decode("utf-8", "replace")) if kind == "application/x-www-form-urlencoded" else {}

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies; of a repeated name the first, which browsers send for the longer path.

        Other applications on the same host have cookies too, some of which make `http.cookies` reject all of them.
        """
        found: dict[str, str] = {}
        for pair in self.headers.get("cookie", "").split(";"):
            name, separator, value = pair.partition("=")
            if separator:
                found.setdefault(name.strip(), value.strip().strip('"'))
        return found

    @property
    def wants_json(self) -> bool:
        """Whether the header Accept asks for JSON and not for HTML."""
        accepted = self.headers.get("accept", "")
        return "application/json" in accepted and "text/html" not in accepted


@dataclass
class Response:
    """A response of the pages."""

    body: bytes | Iterable[bytes] | Live = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)


def plain(text: str, status: int) -> Response:
    """Return a line of plain text."""
    return Response(f"{text}\n".encode(), status, {"Content-Type": "text/plain; charset=utf-8"})


def html(text: str, status: int = 200) -> Response:
    """Return a page."""
    return Response(text.encode("utf-8", "replace"), status, {"Content-Type": "text/html; charset=utf-8"})


def as_json(value: Any, status: int = 200) -> Response:
    """Return the JSON twin of a page."""
    text = json.dumps(value, ensure_ascii=True, indent=1)
    return Response(text.encode(), status, {"Content-Type": "application/json"})


def redirect(address: str) -> Response:
    """Redirect to `address`, which the browser requests by GET."""
    return Response(b"", 303, {"Location": address})


def download(pieces: Iterable[bytes], kind: str, name: str) -> Response:
    """Return a file to download."""
    return Response(pieces, 200, {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'})


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, max_num_fields=MOST_FIELDS))
    except ValueError:
        return {}
