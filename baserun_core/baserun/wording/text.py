"""Making untrusted text safe to show.

Input and output of a model may contain escape sequences that move the cursor of a terminal or rename its window, and
characters that change the reading direction. All text that is shown passes through here; none is interpreted as markup.
"""

from __future__ import annotations

import re

_UNSAFE = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001345f"
    "\U0001bca0-\U0001bcaf\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Control, format, direction and surrogate characters. Joiners stay, since scripts and emoji need them."""

_UNSAFE_CHARACTER = re.compile(f"[{_UNSAFE}]")
_SPACES = re.compile(r"\s+")
_CONTROL_PICTURES = 0x2400
_DELETE, _DELETE_PICTURE = 0x7F, "\u2421"
_TAB = "    "

ELLIPSIS = "\u2026"


def safe(text: str) -> str:
    """Keep the line breaks of `text`, and make every other control character visible: ``ESC`` becomes ``␛``."""
    lines = text.replace("\r\n", "\n").replace("\t", _TAB)
    return _UNSAFE_CHARACTER.sub(_visible, lines)


def one_line(text: str, most: int | None = None) -> str:
    """Return `text` on one line, safe, and cut to `most` characters."""
    beginning = text if most is None else text[: most * 4 + 100]
    line = safe(_SPACES.sub(" ", beginning).strip())
    return line if most is None else cut(line, most)


def cut(text: str, most: int) -> str:
    """Cut `text` to `most` characters, with an ellipsis at the end of a cut one."""
    return text if len(text) <= most else text[: most - 1].rstrip() + ELLIPSIS


def facts(*known: str | None) -> str:
    """Join the known facts by `` · ``."""
    return " · ".join(fact for fact in known if fact)


def shortened(identifier: str, most: int = 9) -> str:
    """Shorten an identifier in its middle, as tables show it; the command line finds records by that form."""
    line = one_line(identifier)
    if len(line) <= most:
        return line
    kept = (most - 1) // 2
    return f"{line[: most - 1 - kept]}{ELLIPSIS}{line[-kept:]}"


def safe_json(text: str) -> str:
    """Escape the characters in JSON that a terminal would obey; its meaning stays the same."""
    return _UNSAFE_CHARACTER.sub(_escaped, text)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(_CONTROL_PICTURES + code)
    return _DELETE_PICTURE if code == _DELETE else _code_point(code)


def _code_point(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
