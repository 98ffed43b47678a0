"""The cursor of a page: an opaque text that says where the next page begins."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from baserun.exceptions import ConfigurationError

_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last item of a page: the sort of the list, the item's value in it, and its row id."""

    sort: str
    value: int
    row_id: int

    def __str__(self) -> str:
        return urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def parse(text: str, sort: str) -> Cursor:
    """Decode a cursor, which must come from a page with the same sort.

    Raises:
        ConfigurationError: It is not a cursor, or of a page with another sort.
    """
    try:
        cursor = msgspec.json.decode(_decoded(text), type=Cursor)
    except (TypeError, ValueError, msgspec.MsgspecError):
        raise ConfigurationError(f"after={text!r} is no cursor; pass `page.next` of the page before.") from None
    if cursor.sort != sort or not all(abs(number) < 2**63 for number in (cursor.value, cursor.row_id)):
        raise ConfigurationError(
            f"after={text!r} is from a page sorted by {cursor.sort!r}; ask for sort={cursor.sort!r} or leave it out."
        )
    return cursor


def _decoded(text: str) -> bytes:
    # Python skips characters that are not in the alphabet, and from 3.15 on warns of some of them.
    if _ALPHABET.fullmatch(text) is None:
        raise ValueError("not base64")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
