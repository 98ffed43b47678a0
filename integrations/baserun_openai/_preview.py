"""Plain text of what a person said and a model answered, in the shapes of the API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baserun_openai._wire import objects_of

MOST_TEXT = 20_000
"""Characters; lists show far fewer, but secrets are masked before they are cut."""

_TEXT_MEMBERS = ("text", "refusal", "transcript")


def last_user_text(messages: Any) -> str | None:
    """The text of the last message of the user."""
    for message in reversed(objects_of(messages)):
        if message.get("role") == "user":
            return text_in(message.get("content"))
    return None


def text_in(content: Any) -> str | None:
    """The text of a content: a string, or the parts of an array that have some."""
    if isinstance(content, str):
        return cut(content)
    return joined(part.get(name) for part in objects_of(content) for name in _TEXT_MEMBERS)


def joined(texts: Iterable[Any]) -> str | None:
    """Those of the values that are text, one to a line."""
    return cut("\n".join(text for text in texts if isinstance(text, str) and text))


def cut(text: str) -> str | None:
    """The beginning of a text; None if it is empty."""
    return text[:MOST_TEXT] or None
