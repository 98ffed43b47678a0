"""A stream of events that was received, put together as the answer that it would have been without streaming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from baserun.testing._replay.recording import Answer

_WHOLE = ("response.completed", "response.incomplete", "response.failed")


def merged(path: str, status: int, body: bytes) -> Answer:
    """The answer that the events of `body` make up."""
    events = list(_events(body))
    error = next((event["error"] for event in events if event.get("error")), None)
    answer = Answer(status=status, stream=True, fault=None if error is None else "error", error=error)
    if path == "/responses":
        answer.body = next((event["response"] for event in reversed(events) if event.get("type") in _WHOLE), {})
    elif path == "/completions":
        answer.body = _completion(events)
    else:
        answer.body = _chat(events)
    return answer


def _events(body: bytes) -> Iterator[dict[str, Any]]:
    for block in body.replace(b"\r\n", b"\n").split(b"\n\n"):
        data = b"\n".join(line[5:].strip() for line in block.split(b"\n") if line.startswith(b"data:"))
        try:
            value = msgspec.json.decode(data)
        except (msgspec.MsgspecError, ValueError):
            continue
        if isinstance(value, dict):
            yield value


def _chat(events: list[dict[str, Any]]) -> dict[str, Any]:
    # The client's own way to do it.
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletionChunk

    state = ChatCompletionStreamState()
    chunks = [event for event in events if event.get("choices") is not None]
    for chunk in chunks:
        state.handle_chunk(ChatCompletionChunk.construct(**chunk))
    if not chunks:
        return {}
    whole: dict[str, Any] = state.current_completion_snapshot.model_dump(mode="json", exclude_none=True, warnings=False)
    whole["object"] = "chat.completion"
    for choice in whole["choices"]:
        for call in choice["message"].get("tool_calls") or ():
            call.pop("index", None)
    return whole


def _completion(events: list[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        whole.update({name: value for name, value in event.items() if name != "choices" and value is not None})
        for part in event.get("choices") or ():
            choice = choices.setdefault(part.get("index", 0), {**part, "text": ""})
            choice["text"] += part.get("text") or ""
            choice["finish_reason"] = part.get("finish_reason") or choice.get("finish_reason")
    return {**whole, "choices": [choices[index] for index in sorted(choices)]}
