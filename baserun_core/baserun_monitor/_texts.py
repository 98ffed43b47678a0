"""Texts of strangers on a page: folded where they are long, code apart from prose. No I/O.

Nothing here makes markup: what comes out is text, and the templates escape it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

SHOWN = 1_500
"""Characters that are there at once; the rest of a text opens."""
MOST = 20_000
"""Characters of one text that a page has at all."""
LEAST = 400
PAGE = 100_000
"""Characters of all texts of a page together."""

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """Prose or code."""

    is_code: bool
    text: str


@dataclass(frozen=True)
class Folded:
    """A text as a page has it."""

    shown: list[Piece]
    hidden: list[Piece]
    hidden_length: int
    left_out: int
    """Characters that only the JSON has."""


def share(texts: int) -> int:
    """How many characters of each text a page with so many of them has."""
    return max(LEAST, min(MOST, PAGE // max(1, texts)))


def fold(text: str, most: int = MOST, shown: int = SHOWN) -> Folded:
    """Cut a text into what is shown, what opens, and what is left out."""
    kept = text[:most]
    cut = len(kept) if len(kept) <= shown + shown // 4 else _cut(kept, shown)
    pretty = _pretty(text) if len(text) <= min(most, shown) else None
    first = [Piece(True, pretty)] if pretty is not None else pieces(kept[:cut])
    return Folded(first, pieces(kept[cut:]), len(kept) - cut, len(text) - len(kept))


def pieces(text: str) -> list[Piece]:
    """Split where code stands between fences."""
    found, at = [], 0
    for match in _FENCE.finditer(text):
        found += [Piece(False, text[at : match.start()].strip("\n")), Piece(True, match[1].rstrip("\n"))]
        at = match.end()
    found.append(Piece(False, text[at:].strip("\n") if found else text[at:]))
    return [piece for piece in found if piece.text.strip()]


def pretty_json(value: Any, most: int = MOST) -> Folded:
    """A value as indented JSON."""
    try:
        text = json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except (ValueError, RecursionError):
        text = "[nested too deeply to show]"
    kept = text[:most]
    cut = len(kept) if len(kept) <= 2 * SHOWN else _cut(kept, SHOWN)
    hidden = [Piece(True, kept[cut:])] if kept[cut:] else []
    return Folded([Piece(True, kept[:cut])], hidden, len(kept) - cut, len(text) - len(kept))


def _cut(text: str, wanted: int) -> int:
    """A place to fold at: the end of a line or word shortly before."""
    for sign in ("\n", " "):
        at = text.rfind(sign, wanted - wanted // 4, wanted)
        if at > 0:
            return at + 1
    return wanted


def _pretty(text: str) -> str | None:
    """Structured output, indented; None for what is not an object or list."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, (dict, list)) and value else None
