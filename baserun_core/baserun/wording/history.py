"""Finding the new messages of a call: most calls send the whole conversation again."""

from __future__ import annotations

from collections.abc import Sequence

from baserun.wording.amounts import plural
from baserun.wording.messages import ASSISTANT, SYSTEM, Message


class History:
    """The messages of a session that have been shown so far."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._last_asked: list[tuple[str, str]] = []
        self._unanswered: list[tuple[str, str]] = []

    def new(self, messages: Sequence[Message]) -> tuple[int, list[Message]]:
        """Return the number of earlier messages that no call recorded, and the messages since the last answer.

        A question that one trace sends twice in a row (a retry, a second opinion) is returned once, and so is one that
        got no answer and is sent again with the next.
        """
        begin = 1 + max((at for at, message in enumerate(messages) if message.role == ASSISTANT), default=-1)
        systems = [message for message in messages if message.role == SYSTEM and self._is_new(message)]
        before = [message for message in messages[:begin] if message.role != SYSTEM and self._is_new(message)]
        asked = [message for message in messages[begin:] if message.role != SYSTEM]
        keys = [_key(message) for message in asked]
        is_repeated, self._last_asked = keys == self._last_asked, keys
        known = len(self._unanswered) if self._is_sent_along(keys) else 0
        self.told(messages)
        self._unanswered = keys
        return len(before), systems + ([] if is_repeated else asked[known:])

    def told(self, messages: Sequence[Message]) -> None:
        """Note that these messages have been shown."""
        self._told.update(_key(message) for message in messages)
        if any(message.role == ASSISTANT for message in messages):
            self._unanswered = []

    def next_trace(self) -> None:
        """Begin another trace: a question counts as new there, even in the same words."""
        self._last_asked = []

    def _is_sent_along(self, keys: list[tuple[str, str]]) -> bool:
        """Whether these are the unanswered messages with more after them; the same alone are a question asked again."""
        return len(keys) > len(self._unanswered) and keys[: len(self._unanswered)] == self._unanswered

    def _is_new(self, message: Message) -> bool:
        return _key(message) not in self._told


def earlier_in_words(number: int) -> str:
    """Return what is said of the earlier messages that `History.new` counts."""
    return f"{plural(number, 'earlier message')} that no call here recorded"


def _key(message: Message) -> tuple[str, str]:
    return message.role, message.text.strip() + "".join(call.name for call in message.tool_calls)
