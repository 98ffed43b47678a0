"""Which messages of a call are new: most calls send the whole conversation again."""

from __future__ import annotations

from collections.abc import Sequence

from baserun.cli._render._messages import ASSISTANT, SYSTEM, Message


class History:
    """What has been told so far of a session."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._last_asked: list[tuple[str, str]] = []
        self._unanswered: list[tuple[str, str]] = []

    def new(self, messages: Sequence[Message]) -> tuple[int, list[Message]]:
        """How many earlier messages nothing is known of, and those that were said since the last answer.

        A question that one trace sends to the model twice in a row (a retry, a second opinion) is told once, and so is
        one that got no answer and is sent along with the next.
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
        """These have been shown."""
        self._told.update(_key(message) for message in messages)
        if any(message.role == ASSISTANT for message in messages):
            self._unanswered = []

    def next_trace(self) -> None:
        """What is asked now is asked anew, be it in the same words."""
        self._last_asked = []

    def _is_sent_along(self, keys: list[tuple[str, str]]) -> bool:
        """What got no answer, and more behind it; the same alone is asked once more."""
        return len(keys) > len(self._unanswered) and keys[: len(self._unanswered)] == self._unanswered

    def _is_new(self, message: Message) -> bool:
        return _key(message) not in self._told


def _key(message: Message) -> tuple[str, str]:
    return message.role, message.text.strip() + "".join(call.name for call in message.tool_calls)
