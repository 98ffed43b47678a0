"""Lines of prose with styles and indentation."""

from __future__ import annotations

from dataclasses import dataclass

from rich.text import Text

from baserun.wording.text import safe

QUIET = "dim"
STRONG = "bold"
BAD = "red"
GOOD = "green"
WARN = "yellow"
PERSON = "bold cyan"
MODEL = "bold"
STATUS_STYLES = {"running": QUIET, "ok": QUIET, "error": BAD, "cancelled": WARN, "abandoned": WARN}


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph; its text is safe for a terminal."""

    indent: int
    text: Text
    label: int = 0
    """The number of first characters that are a label, beside which the rest is wrapped."""


BLANK = Line(0, Text(""))


def line(*parts: str | tuple[str, str], indent: int = 0, label: int = 0) -> Line:
    """Make a line of texts, each alone or with its style."""
    text = Text()
    for part in parts:
        words, style = (part, "") if isinstance(part, str) else part
        text.append(safe(words), style)
    return Line(indent, text, label)


def whose(user_identifier: str | None) -> str:
    """Name the user of a session or trace, in the words of the pages."""
    return f"user {user_identifier}" if user_identifier else "anonymous"
