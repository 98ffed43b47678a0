"""The layout of a recording's file: a value that fits on one line is on one; long texts keep their own lines."""

from __future__ import annotations

import json
import re
from typing import Any

_WIDTH = 120
_INDENT = "  "
_LINES = "text in lines"
"""The only member of an object that stands for a text of several lines: a changed line is then one line of a diff."""
_UNPRINTABLE = re.compile(r"[^\n -~]")


def laid_out(value: Any) -> str:
    """Format a JSON value; the text is the same for the same value."""
    text = _written(_in_lines(value), "", 0) + "\n"
    return _UNPRINTABLE.sub(_escaped, text)


def gathered(value: Any) -> Any:
    """Return the value with the lines of its texts joined again."""
    if isinstance(value, dict):
        if value.keys() == {_LINES}:
            return "\n".join(value[_LINES])
        return {name: gathered(item) for name, item in value.items()}
    return [gathered(item) for item in value] if isinstance(value, list) else value


def _in_lines(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value and len(value) > _WIDTH // 2:
        return {_LINES: value.split("\n")}
    if isinstance(value, dict):
        return {name: _in_lines(item) for name, item in value.items()}
    return [_in_lines(item) for item in value] if isinstance(value, list) else value


def _written(value: Any, before: str, used: int) -> str:
    """Format a value on a line that is indented by `before` and has `used` characters already."""
    line = json.dumps(value, ensure_ascii=False)
    is_text_in_lines = isinstance(value, dict) and value.keys() == {_LINES}
    if not value or not isinstance(value, (dict, list)) or (used + len(line) < _WIDTH and not is_text_in_lines):
        return line
    inner = before + _INDENT
    if isinstance(value, list):
        parts = [_written(item, inner, len(inner)) for item in value]
    else:
        named = [(f"{json.dumps(name, ensure_ascii=False)}: ", item) for name, item in value.items()]
        parts = [head + _written(item, inner, len(inner) + len(head)) for head, item in named]
    opening, closing = "[]" if isinstance(value, list) else "{}"
    body = f",\n{inner}".join(parts)
    return f"{opening}\n{inner}{body}\n{before}{closing}"


def _escaped(match: re.Match[str]) -> str:
    # Characters that change the reading direction, or are invisible, must be visible in a diff.
    return match[0] if match[0].isprintable() else json.dumps(match[0])[1:-1]
