"""Parsing a form posted by a browser, or a script's ``FormData``, into names and texts, without a framework."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
FORMS = (URLENCODED, MULTIPART)
"""The content types of forms."""

_BOUNDARY = re.compile(r'boundary="?([^";]{1,200})"?', re.IGNORECASE)
_NAME = re.compile(rb'\bname="([^"]*)"', re.IGNORECASE)
_MOST_FIELDS = 50


def parse_form(content_type: str, body: bytes) -> dict[str, str] | None:
    """Return the fields of a form, the last of each name; None for a body of another type.

    Raises:
        ValueError: The form cannot be read.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == URLENCODED:
        return {name: values[-1] for name, values in parse_qs(body.decode(), max_num_fields=_MOST_FIELDS).items()}
    if kind == MULTIPART:
        return _parts(content_type, body)
    return None


def _parts(content_type: str, body: bytes) -> dict[str, str]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ValueError("a form in parts needs a boundary")
    fields = {}
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].strip().encode(), _MOST_FIELDS)[1:]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if name is not None:
            fields[name[1].decode()] = value.decode()
    return fields
