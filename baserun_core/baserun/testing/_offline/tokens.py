"""How text becomes tokens: a word with the space before it, in pieces of eight letters, or one sign."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\s*\w{1,8}|\s*[^\w\s]|\s+")


def split(text: str) -> list[str]:
    """The tokens of `text`; joined they are `text` again."""
    return TOKEN.findall(text)


def count(text: str) -> int:
    """How many tokens `text` has."""
    return len(TOKEN.findall(text))
