"""The model's side of the conversation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from openai import OpenAI
from openai.types.chat import ParsedChatCompletionMessage

from chat.orders import TOOL, look_up_order

INSTRUCTIONS = "You help the customers of a small shop for pens, ink and paper. Answer in a few friendly sentences."
MOST_STEPS = 4
"""The most calls to the model for one answer: those that ask for the tool, and the last."""


def answer(client: OpenAI, model: str, said: list[dict[str, str]]) -> Iterator[str]:
    """Stream the answer to the messages in `said`, looking up the orders that the model asks for."""
    messages: list[Any] = [{"role": "system", "content": INSTRUCTIONS}, *said]
    options: dict[str, Any] = {"model": model, "tools": [TOOL], "stream_options": {"include_usage": True}}
    for _ in range(MOST_STEPS):
        with client.chat.completions.stream(messages=messages, **options) as stream:
            for event in stream:
                if event.type == "content.delta" and event.delta:
                    yield event.delta
            message = stream.get_final_completion().choices[0].message
        if not message.tool_calls:
            return
        messages += _looked_up(message)


def _looked_up(message: ParsedChatCompletionMessage[None]) -> list[dict[str, Any]]:
    """Look up the orders that `message` asks for; return it and the results as messages for the next call."""
    asked, results = [], []
    for call in message.tool_calls or ():
        function = {"name": call.function.name, "arguments": call.function.arguments}
        asked.append({"id": call.id, "type": "function", "function": function})
        results.append({"role": "tool", "tool_call_id": call.id, "content": look_up_order(call.function.arguments)})
    return [{"role": "assistant", "content": message.content, "tool_calls": asked}, *results]
