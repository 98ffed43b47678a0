"""Splitting text into tokens: up to eight letters of a word, or one other character, with the space before it."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\s*\w{1,8}|\s*[^\w\s]|\s+")


def split(text: str) -> list[str]:
    """Split `text` into tokens; joined they are `text` again."""
    return TOKEN.findall(text)


def count(text: str) -> int:
    """Return the number of tokens of `text`."""
    return len(TOKEN.findall(text))
