"""The members of an answer that a recording does not have."""

from __future__ import annotations

from typing import Any

_CHAT: dict[str, Any] = {"object": "chat.completion", "created": 0, "model": "", "choices": []}
_TEXT: dict[str, Any] = {"object": "text_completion", "created": 0, "model": "", "choices": []}
_RESPONSE: dict[str, Any] = {
    "object": "response",
    "created_at": 0,
    "status": "completed",
    "background": False,
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "metadata": {},
    "output": [],
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "usage": None,
}


def complete(path: str, body: Any) -> Any:
    """Return the body with all members that the client's types require."""
    if not isinstance(body, dict):
        return body
    if path == "/chat/completions":
        return {
            "id": "chatcmpl-replayed",
            **_CHAT,
            **body,
            "choices": [_choice(each) for each in body.get("choices", ())],
        }
    if path == "/completions":
        choices = [{"index": 0, "logprobs": None, "finish_reason": "stop", **each} for each in body.get("choices", ())]
        return {"id": "cmpl-replayed", **_TEXT, **body, "choices": choices}
    if path == "/responses":
        return {
            "id": "resp_replayed",
            **_RESPONSE,
            **body,
            "output": [_item(each) for each in body.get("output") or ()],
        }
    return body


def _choice(choice: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "refusal": None, **choice.get("message", {})}
    return {"index": 0, "logprobs": None, "finish_reason": None, **choice, "message": message}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    if item.get("type") == "reasoning":
        return {"id": "rs_replayed", "summary": [], **item}
    if item.get("type") == "function_call":
        return {"id": "fc_replayed", "status": "completed", "arguments": "", **item}
    if item.get("type") == "message":
        parts = [_part(part) for part in item.get("content") or ()]
        return {"id": "msg_replayed", "status": "completed", "role": "assistant", **item, "content": parts}
    return item


def _part(part: dict[str, Any]) -> dict[str, Any]:
    return {"annotations": [], "logprobs": [], **part} if part.get("type") == "output_text" else part
