"""Calls as an application makes them: about 1.9 kB of content each, no two the same."""

from __future__ import annotations

import json
import random
from typing import Any, NamedTuple

_SYLLABLES = ("ba", "con", "der", "el", "for", "ga", "hin", "is", "ju", "kel", "lo", "mer", "no", "or", "pre", "qui")
_SYSTEM = "You are the assistant of a shop. Answer politely and in short sentences, and ask when something is unclear. "
ENDPOINT = "/chat/completions"
CHUNKS = 50
BIG = 100_000  # characters
MODELS = (("gpt-4o-mini", "gpt-4o-mini-2024-07-18"), ("gpt-4o", "gpt-4o-2024-08-06"))


class Wire(NamedTuple):
    """The HTTP bodies of one call."""

    request: bytes
    response: bytes = b""
    chunks: tuple[bytes, ...] = ()
    """The pieces of a streamed response, in place of `response`."""


class Writer:
    """Makes texts and calls with a natural distribution of words: few are frequent, many are rare."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._words = ["".join(self._random.choices(_SYLLABLES, k=self._random.randint(1, 4))) for _ in range(8000)]
        self._weights = [1 / (rank + 3) for rank in range(len(self._words))]

    def text(self, characters: int) -> str:
        """Make a text of words, of at most `characters`."""
        words = self._random.choices(self._words, self._weights, k=characters // 6)
        return " ".join(words)[:characters]

    def messages(self) -> list[dict[str, Any]]:
        """Make the messages of a request: 1.2 kB as JSON."""
        return [
            {"role": "system", "content": _SYSTEM * 2},
            {"role": "user", "content": self.text(300)},
            {"role": "assistant", "content": self.text(250)},
            {"role": "user", "content": self.text(280)},
        ]

    def call(self, messages: list[dict[str, Any]] | None = None) -> Wire:
        """Make a call to chat completions: the messages, and an answer of 0.7 kB."""
        asked, answered = self._random.choices(MODELS, (9, 1))[0]
        given = self.messages() if messages is None else messages
        request = {"messages": given, "model": asked, "max_tokens": 300, "temperature": 0.2}
        usage = {
            "prompt_tokens": self._random.randint(200, 400),
            "completion_tokens": self._random.randint(50, 200),
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }
        message: dict[str, Any] = {"role": "assistant", "content": self.text(640), "refusal": None, "annotations": []}
        response = {
            "id": f"chatcmpl-{self._random.getrandbits(140):029x}"[:38],
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": answered,
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
            "usage": {**usage, "total_tokens": usage["prompt_tokens"] + usage["completion_tokens"]},  # type: ignore[operator]
            "service_tier": "default",
        }
        return Wire(json.dumps(request).encode(), json.dumps(response).encode())

    def long_call(self) -> Wire:
        """Make a call with a prompt of 100 kB."""
        return self.call([{"role": "system", "content": self.text(BIG)}, {"role": "user", "content": 'Say "yes"'}])

    def streamed_call(self) -> Wire:
        """Make a call whose answer comes as server-sent events, word by word, with the usage at the end."""
        asked, answered = MODELS[0]
        request = {"messages": [{"role": "user", "content": f"Count to {CHUNKS}"}], "model": asked, "stream": True}
        event = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": answered}
        choices = [{"index": 0, "delta": {"content": f" {number}"}} for number in range(CHUNKS)]
        usage = {"prompt_tokens": 20, "completion_tokens": CHUNKS, "total_tokens": 20 + CHUNKS}
        events = [*({**event, "choices": [choice]} for choice in choices), {**event, "choices": [], "usage": usage}]
        lines = [*map(json.dumps, events), "[DONE]"]
        return Wire(json.dumps(request).encode(), chunks=tuple(f"data: {line}\n\n".encode() for line in lines))
