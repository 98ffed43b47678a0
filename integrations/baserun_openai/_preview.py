"""Previews: the plain text of a user's message and of an answer, from the structures of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baserun_openai._wire import objects_of

MOST_TEXT = 20_000
"""Characters; lists show far fewer, but secrets must be masked before a text is cut further."""

_TEXT_MEMBERS = ("text", "refusal", "transcript")


def last_user_text(messages: Any) -> str | None:
    """Return the text of the user's last message."""
    for message in reversed(objects_of(messages)):
        if message.get("role") == "user":
            return text_in(message.get("content"))
    return None


def text_in(content: Any) -> str | None:
    """Return the text of a content: a string, or an array of parts, of which some have text."""
    if isinstance(content, str):
        return cut(content)
    return joined(part.get(name) for part in objects_of(content) for name in _TEXT_MEMBERS)


def joined(texts: Iterable[Any]) -> str | None:
    """Join the values that are text, one per line; None if there are none."""
    return cut("\n".join(text for text in texts if isinstance(text, str) and text))


def cut(text: str) -> str | None:
    """Return the first `MOST_TEXT` characters of a text; None if it is empty."""
    return text[:MOST_TEXT] or None
