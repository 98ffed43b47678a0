"""Lines of prose with their indentation."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from baserun.cli._render._text import safe

QUIET = "dim"
STRONG = "bold"
BAD = "red"
GOOD = "green"
WARN = "yellow"
PERSON = "bold cyan"
MODEL = "bold"


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph; its text is safe to show."""

    indent: int
    text: Text
    label: int = 0
    """So many of the first characters stand before the rest, which is wrapped beside them."""


BLANK = Line(0, Text(""))


def line(*parts: str | tuple[str, str], indent: int = 0, label: int = 0) -> Line:
    """A line of texts, each alone or with its style."""
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(safe(words), style)
    return Line(indent, text, label)


def facts(*known: str | None) -> str:
    """Those that are known, side by side."""
    return " · ".join(fact for fact in known if fact)
