"""Fills a store with conversations of a small shop's support chat, recorded from the offline model.

python tests/helpers/filler.py STORE [DAYS]
"""

from __future__ import annotations

import base64
import contextlib
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import openai

import baserun
from baserun.testing import FakeClock, OfflineModel, Reply, ToolCall, capture

PEOPLE = ("ada", "ben", "chloe", "dana", "emil", "farah", "gus", "hana", "ivo", "jun")
SYSTEM = "You are the support of Lantern & Loom, a shop for lamps. Be short and kind. Never promise a refund."
ORDER_TOOL: Any = {
    "type": "function",
    "function": {
        "name": "lookup_order",
        "description": "Looks an order up",
        "parameters": {
            "type": "object",
            "properties": {"id": {"type": "integer"}},
            "required": ["id"],
        },
    },
}
PIXEL = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==")
    * 40
).decode()
FLICKER = """I am sorry to hear that. Does it also flicker with another bulb? Dimmers made for incandescent lamps
are the usual reason:

1. Take the dimmer out of the line.
2. Try a bulb marked "dimmable".
3. If it still flickers, send us a short video and we exchange the driver."""
ASKED = (
    (
        "How do I cancel my order?",
        "You can cancel it under Orders, Cancel, as long as it has not left our house in Lund.",
    ),
    (
        "Do you ship to Norway?",
        "Yes. It takes four to six days and costs 12 euros; over 150 euros it is free.",
    ),
    ("The lamp flickers since yesterday", FLICKER),
    ("Which bulb fits the Aurora?", "E14, at most 4.5 W. We recommend 2700 K."),
    (
        "Can I get an invoice for my company?",
        "Certainly. Send us name, address and VAT number, and you have it today.",
    ),
    ("Is the brass lacquered?", "No, it is left raw, so that it darkens with time."),
)


class Chat:
    """One conversation, which advances a fake clock."""

    def __init__(self, client: openai.OpenAI, clock: FakeClock, chance: random.Random) -> None:
        self._client, self._clock, self._chance = client, clock, chance
        self._messages: list[Any] = [{"role": "system", "content": SYSTEM}]

    def turn(self, question: Any, *, name: str = "POST /chat", **options: Any) -> None:
        """Record one question with its answer in its own trace."""
        self._messages.append({"role": "user", "content": question})
        with baserun.start_trace(name=name):
            baserun.tag("version", "2026.11")
            answer = self._answer(**options)
            if answer.tool_calls:
                self._messages.append(answer.model_dump(exclude_none=True))
                for call in answer.tool_calls:
                    self._run(call)
                answer = self._answer()
            self._messages.append({"role": "assistant", "content": answer.content})

    def stream(self, question: str, *, most: int | None = None) -> None:
        """Record one question with a streamed answer, closed after `most` chunks."""
        self._messages.append({"role": "user", "content": question})
        with baserun.start_trace(name="POST /chat"):
            stream = self._client.chat.completions.create(
                model="gpt-4o-mini",
                messages=self._messages,
                stream=True,
                stream_options={"include_usage": True},
            )
            text = ""
            for number, chunk in enumerate(stream):
                self._clock.advance(0.02 + self._chance.random() * 0.03)
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                if most is not None and number >= most:
                    stream.close()
                    break
            self._messages.append({"role": "assistant", "content": text})

    def wait(self, **times: float) -> None:
        """Advance the clock."""
        self._clock.advance(timedelta(**times).total_seconds())

    def _answer(self, model: str = "gpt-4o-mini", **options: Any) -> Any:
        completion = self._client.chat.completions.create(model=model, messages=self._messages, **options)
        return completion.choices[0].message

    def _run(self, call: Any) -> None:
        with baserun.span(call.function.name, kind="tool"):
            self._clock.advance(0.2)
        result = '{"id": 4711, "status": "packed", "carrier": "PostNord", "items": ["Aurora, brass", "Bulb E14"]}'
        self._messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


class Shop:
    """What conversations need: the model, its next answers and the clock."""

    def __init__(self, clock: FakeClock, seed: int) -> None:
        self.clock, self.chance = clock, random.Random(seed)
        self.model = OfflineModel(reply=self._reply)
        self._next: list[str | Reply] = []

    def says(self, *replies: str | Reply) -> None:
        """Set the model's next answers."""
        self._next += replies

    def chat(self) -> Chat:
        """Start a new conversation."""
        return Chat(self._client, self.clock, self.chance)

    def __enter__(self) -> Self:
        self.model.start()
        self._client = openai.OpenAI(base_url=self.model.url, api_key="offline", max_retries=1)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self.model.stop()

    def _reply(self, messages: list[dict[str, str]]) -> str | Reply:
        self.clock.advance(0.4 + self.chance.random() * 1.6)
        return self._next.pop(0) if self._next else "Certainly."


@contextlib.contextmanager
def shop(store: Path, start: datetime, seed: int = 7) -> Iterator[Shop]:
    """Make a shop that records to `store`, with a clock that starts at `start`."""
    clock = FakeClock(start)
    with Shop(clock, seed) as made, capture(clock=clock, store=str(store)) as captured:
        yield made
        assert captured.flush()


def email(person: str) -> str:
    """Return the person's e-mail address."""
    return f"{person}@example.com"


def fill(store: Path, *, days: int = 3, now: datetime | None = None) -> None:
    """Record `days` days of conversations, up to `now`."""
    now = now or datetime.now(UTC)
    chance = random.Random(11)
    with shop(store, now - timedelta(days=days)) as open_shop:
        clock = open_shop.clock
        for moment in sorted(now - timedelta(hours=chance.triangular(0.7, days * 24, 6)) for _ in range(days * 12)):
            clock.advance(max(0.0, moment.timestamp() - clock.now_us() / 1e6))
            _everyday(open_shop, chance)
        clock.advance(max(0.0, now.timestamp() - 1200 - clock.now_us() / 1e6))
        _the_complaint(open_shop)


def _everyday(shop: Shop, chance: random.Random) -> None:
    person = chance.choice(PEOPLE) if chance.random() < 0.85 else None
    user = None if person is None else baserun.hash_user(email(person))
    chat = shop.chat()
    with baserun.with_session(user_identifier=user, metadata={"channel": chance.choice(["web", "app"])}):
        for _ in range(chance.choice([1, 1, 2, 3, 5])):
            question, answer = chance.choice(ASKED)
            shop.says(answer)
            if chance.random() < 0.4:
                chat.stream(question)
            else:
                chat.turn(
                    question,
                    model=chance.choice(["gpt-4o-mini", "gpt-4o-mini", "gpt-4o", "o4-mini"]),
                )
            chat.wait(seconds=chance.uniform(10, 90))
        if chance.random() < 0.08:
            _fails(shop, chat)
        if chance.random() < 0.25:
            baserun.feedback("helpful", thumbsup=chance.random() < 0.7)


def _the_complaint(shop: Shop) -> None:
    """Record a conversation with everything that one can have."""
    chat = shop.chat()
    with baserun.with_session(user_identifier=baserun.hash_user(email("ada")), metadata={"channel": "web"}):
        shop.says(
            Reply(tool_calls=(ToolCall(name="lookup_order", arguments='{"id": 4711}'),)),
            "It is packed, and leaves us tonight.",
        )
        chat.turn("Where is my order 4711?", tools=[ORDER_TOOL])
        chat.wait(seconds=40)
        shop.says(ASKED[0][1])
        chat.stream("How do I cancel it?")
        chat.wait(minutes=12)
        shop.says("That looks like the Aurora in raw brass. The mark on the foot is the year: 2024.")
        chat.turn([{"type": "text", "text": "Is this one of yours?"},
                   {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}])  # fmt: skip
        chat.wait(seconds=30)
        shop.says('{"refund": false, "reason": "too old", "offer": {"discount_percent": 10, "until": "2026-12-31"}}')
        chat.turn("And the refund?", response_format={"type": "json_object"})
        chat.wait(seconds=20)
        shop.says(" ".join(str(number) for number in range(1, 301)))
        chat.stream("Count to 300", most=40)
        chat.wait(seconds=25)
        _fails(shop, chat)
        baserun.feedback(
            "helpful",
            thumbsup=False,
            comment="I only wanted to cancel, and now it is packed.",
        )


def _fails(shop: Shop, chat: Chat) -> None:
    shop.model.next(status=429, times=2, retry_after=0)
    with contextlib.suppress(openai.RateLimitError):
        chat.turn("Hello? Is anybody there?")


if __name__ == "__main__":
    fill(Path(sys.argv[1]), days=int(sys.argv[2]) if len(sys.argv) > 2 else 3)
