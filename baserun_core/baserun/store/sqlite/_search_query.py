"""What a person types, as a query that FTS5 cannot misread."""

from __future__ import annotations

import re

_TERMS = re.compile(r'"([^"]*)"|(\S+)')
MOST_TERMS = 32


def terms(text: str) -> list[str]:
    """The words of `text`; what stands in quotes stays together."""
    found = (quoted or word.replace('"', "") for quoted, word in _TERMS.findall(text.replace("\0", " ")))
    return [term for term in found if any(character.isalnum() for character in term)][:MOST_TERMS]


def match_expression(text: str) -> str:
    """An FTS5 expression that asks for all words of `text`; a ``*`` after a word asks for its beginning."""
    return " ".join(_quoted(term) for term in terms(text)) or '""'


def _quoted(term: str) -> str:
    star = "*" if term.endswith("*") else ""
    return f'"{term.rstrip("*")}"{star}'
