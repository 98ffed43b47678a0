"""The cursor of a page: an opaque text that says where the next page begins."""

from __future__ import annotations

import base64
import binascii

import msgspec

from baserun.exceptions import ConfigurationError


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """The last item of a page: the sort of the list, the item's value in it, and its row id."""

    sort: str
    value: int
    row_id: int

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def parse(text: str, sort: str) -> Cursor:
    """Decode a cursor, which must come from a page with the same sort.

    Raises:
        ConfigurationError: It is not a cursor, or of a page with another sort.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        cursor = msgspec.json.decode(base64.urlsafe_b64decode(padded.encode("ascii")), type=Cursor)
    except (AttributeError, TypeError, ValueError, binascii.Error, msgspec.DecodeError):
        raise ConfigurationError(f"after={text!r} is no cursor; pass `page.next` of the page before.") from None
    if cursor.sort != sort or not all(abs(number) < 2**63 for number in (cursor.value, cursor.row_id)):
        raise ConfigurationError(
            f"after={text!r} is from a page sorted by {cursor.sort!r}; ask for sort={cursor.sort!r} or leave it out."
        )
    return cursor
