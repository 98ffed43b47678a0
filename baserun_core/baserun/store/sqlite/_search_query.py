"""Turning what a person types into a query that FTS5 cannot misread."""

from __future__ import annotations

import re

_TERMS = re.compile(r'"([^"]*)"|(\S+)')
MOST_TERMS = 32


def terms(text: str) -> list[str]:
    """Return the first `MOST_TERMS` words and quoted phrases of `text` that have a letter or digit."""
    found = (quoted or word.replace('"', "") for quoted, word in _TERMS.findall(text.replace("\0", " ")))
    return [term for term in found if any(character.isalnum() for character in term)][:MOST_TERMS]


def match_expression(text: str) -> str:
    """Return an FTS5 expression that matches all words of `text`; a ``*`` after a word makes it a prefix."""
    return " ".join(_quoted(term) for term in terms(text)) or '""'


def _quoted(term: str) -> str:
    star = "*" if term.endswith("*") else ""
    return f'"{term.rstrip("*")}"{star}'
