"""Untrusted texts on a page: folded if they are long, code separate from prose. No I/O.

Nothing here makes markup: the results are plain text, which the templates escape.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

SHOWN = 1_500
"""Characters of a text that are shown at first; the rest is folded."""
MOST = 20_000
"""Characters of one text on a page at most."""
LEAST = 400
PAGE = 100_000
"""Characters of all texts of a page together."""

# As in CommonMark, a fence is three or more of one sign that begin a line, and one that is no shorter ends it; in lists
# it may be indented. The possessive quantifiers keep a long line of signs from taking quadratic time.
_FENCE = re.compile(
    r"^[ \t]*(?P<fence>(?P<sign>[`~])(?P=sign){2,}+)[^\n`]*+\n"
    r"(?P<code>.*?)(?:^[ \t]*(?P=fence)(?P=sign)*[ \t\r]*$|\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Piece:
    """A part of a text: prose or code."""

    is_code: bool
    text: str


@dataclass(frozen=True)
class Folded:
    """A text as it is shown: the parts before and after the fold."""

    shown: list[Piece]
    hidden: list[Piece]
    hidden_length: int
    left_out: int
    """Characters that are only in the JSON twin."""


def share(texts: int) -> int:
    """Return the characters that each text may have on a page with so many `texts`."""
    return max(LEAST, min(MOST, PAGE // max(1, texts)))


def fold(text: str, most: int = MOST, shown: int = SHOWN) -> Folded:
    """Cut a text into the parts that are shown, folded, and left out."""
    kept = text[:most]
    cut = len(kept) if len(kept) <= shown + shown // 4 else _cut(kept, shown)
    pretty = _pretty(text) if len(text) <= min(most, shown) else None
    first = [Piece(True, pretty)] if pretty is not None else pieces(kept, 0, cut)
    return Folded(first, pieces(kept, cut, len(kept)), len(kept) - cut, len(text) - len(kept))


def pieces(text: str, start: int = 0, end: int | None = None) -> list[Piece]:
    """Split a text, or the part from `start` to `end` whose fences may be outside, into prose and fenced code."""
    parts, at = [], 0
    for match in _FENCE.finditer(text):
        parts += [(False, at, match.start()), (True, *match.span("code"))]
        at = match.end()
    parts.append((False, at, len(text)))
    found = []
    for is_code, first, last in parts:
        part = text[max(first, start) : last if end is None else min(last, end)]
        if len(parts) > 1:
            part = part.rstrip("\r\n") if is_code else part.strip("\r\n")
        found.append(Piece(is_code, part))
    return [piece for piece in found if piece.text.strip()]


def pretty_json(value: Any, most: int = MOST) -> Folded:
    """Return a value as indented JSON, folded if it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except (ValueError, RecursionError):
        text = "[nested too deeply to show]"
    kept = text[:most]
    cut = len(kept) if len(kept) <= 2 * SHOWN else _cut(kept, SHOWN)
    hidden = [Piece(True, kept[cut:])] if kept[cut:] else []
    return Folded([Piece(True, kept[:cut])], hidden, len(kept) - cut, len(text) - len(kept))


def _cut(text: str, wanted: int) -> int:
    """Return where to fold: after the end of a line or word shortly before `wanted`."""
    for sign in ("\n", " "):
        at = text.rfind(sign, wanted - wanted // 4, wanted)
        if at > 0:
            return at + 1
    return wanted


def _pretty(text: str) -> str | None:
    """Indent structured output; None if the text is not a JSON object or list, or is empty."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, (dict, list)) and value else None
