"""A request and its response, whichever kind of server brings and takes them."""

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
"""Bytes of a form."""
MOST_FIELDS = 100


@dataclass(frozen=True)
class Request:
    """What a visitor asks for."""

    method: str
    path: str
    """Below the place where the pages are mounted; begins with a slash."""
    root: str
    """That place, without a slash at its end."""
    query: str
    headers: Mapping[str, str]
    """By lower-case names."""
    scheme: str
    body: bytes = b""
    native: Any = None
    """The request as the host application knows it."""

    @cached_property
    def params(self) -> dict[str, str]:
        """The query; of a name that is there twice the last."""
        return _pairs(self.query)

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a form that was sent."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return _pairs(self.body.decode("utf-8", "replace")) if kind == "application/x-www-form-urlencoded" else {}

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies; of a name that is there twice the first, which browsers give the longer path.

        Other applications on the same host send theirs along, in forms that `http.cookies` gives up all of them for.
        """
        found: dict[str, str] = {}
        for pair in self.headers.get("cookie", "").split(";"):
            name, separator, value = pair.partition("=")
            if separator:
                found.setdefault(name.strip(), value.strip().strip('"'))
        return found

    @property
    def wants_json(self) -> bool:
        """The visitor is a program."""
        accepted = self.headers.get("accept", "")
        return "application/json" in accepted and "text/html" not in accepted


@dataclass
class Response:
    """What the visitor gets."""

    body: bytes | Iterable[bytes] | Live = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)


def html(text: str, status: int = 200) -> Response:
    """A page."""
    return Response(text.encode("utf-8", "replace"), status, {"Content-Type": "text/html; charset=utf-8"})


def as_json(value: Any, status: int = 200) -> Response:
    """The JSON twin of a page."""
    text = json.dumps(value, ensure_ascii=True, indent=1)
    return Response(text.encode(), status, {"Content-Type": "application/json"})


def redirect(address: str) -> Response:
    """Go there by GET."""
    return Response(b"", 303, {"Location": address})


def download(pieces: Iterable[bytes], kind: str, name: str) -> Response:
    """A file to keep."""
    return Response(pieces, 200, {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'})


def _pairs(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, max_num_fields=MOST_FIELDS))
    except ValueError:
        return {}
