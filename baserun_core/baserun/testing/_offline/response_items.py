"""The output of a response: reasoning, then function calls or a message."""

from __future__ import annotations

from typing import Any

from baserun.testing._offline import names
from baserun.testing._offline.exchange import Json
from baserun.testing._offline.ids import Ids
from baserun.testing._offline.logprobs import token_logprobs
from baserun.testing._offline.reply import Reply

SUMMARY = "**Considering the question**\n\nI look at what was asked and choose a short answer."


def output_items(ids: Ids, body: Json, model: str, reply: Reply) -> list[Json]:
    """Return the finished items of the output, in order."""
    items = [_reasoning(ids, body)] if names.thinks(model) else []
    items += [
        {
            "id": ids.hexadecimal("fc_", 48),
            "type": "function_call",
            "status": "completed",
            "call_id": ids.letters("call_", 24),
            "name": call.name,
            "arguments": call.arguments,
        }
        for call in reply.tool_calls
    ]
    if reply.text or not reply.tool_calls:
        items.append(_message(ids, body, reply))
    return items


def _reasoning(ids: Ids, body: Json) -> Json:
    reasoning = body.get("reasoning") or {}
    item: Json = {"id": ids.hexadecimal("rs_", 48), "type": "reasoning", "summary": []}
    if reasoning.get("summary"):
        item["summary"] = [{"type": "summary_text", "text": SUMMARY}]
    if "reasoning.encrypted_content" in (body.get("include") or ()):
        item["encrypted_content"] = ids.hexadecimal("", 64)
    return item


def _message(ids: Ids, body: Json, reply: Reply) -> Json:
    return {
        "id": ids.hexadecimal("msg_", 48),
        "type": "message",
        "status": "incomplete" if reply.finished in ("length", "content_filter") else "completed",
        "role": "assistant",
        "content": [_part(body, reply)],
    }


def _part(body: Json, reply: Reply) -> Json:
    if reply.refusal is not None:
        return {"type": "refusal", "refusal": reply.refusal}
    logprobs: list[Any] = []
    if "message.output_text.logprobs" in (body.get("include") or ()):
        logprobs = token_logprobs(reply.text, int(body.get("top_logprobs") or 0))
    return {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": logprobs}
