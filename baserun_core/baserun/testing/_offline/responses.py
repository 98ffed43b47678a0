"""/responses, and the endpoints below it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from baserun.testing._offline import names, tokens
from baserun.testing._offline.call import Call
from baserun.testing._offline.errors import RequestError, required
from baserun.testing._offline.exchange import Answer, Json, json_answer, named_events
from baserun.testing._offline.pairing import check_items
from baserun.testing._offline.prompt import (
    Message,
    Prompt,
    read_content,
    read_format,
    read_tool_choice,
    read_tools,
)
from baserun.testing._offline.reply import Reply
from baserun.testing._offline.response_items import output_items
from baserun.testing._offline.response_stream import response_events, unfinished

MOST_KEPT = 10_000
UNFINISHED = ("queued", "in_progress")
# members of a request that the provider repeats in the response, with its defaults
ECHOED: Json = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


@dataclass(slots=True, kw_only=True)
class Kept:
    """A response that can be retrieved."""

    response: Json
    """The finished response."""
    history: tuple[Message, ...]
    """The conversation including the output."""
    input: list[Json]
    calls: dict[str, str] = field(default_factory=dict)
    """Names of the called functions, by call id."""
    status: str = "completed"

    def as_of_now(self) -> Json:
        """Return the response as it is in its current status."""
        if self.status in UNFINISHED or self.status == "cancelled":
            return unfinished(self.response, self.status)
        return self.response

    def waiting(self) -> list[str]:
        """Return the ids of the calls that have no output yet: those of before had it when this one was asked for."""
        return [item["call_id"] for item in self.as_of_now()["output"] if item["type"] == "function_call"]

    def advance(self) -> None:
        """Advance a background response by one status; called with each retrieval."""
        if self.status == "queued":
            self.status = "in_progress"
        elif self.status == "in_progress":
            self.status = self.response["status"]


async def create_response(call: Call) -> Answer:
    """Answer an input, whole, as a stream, or in the background."""
    body = call.body()
    earlier = _earlier(call, body)
    inputs = _input_items(required(body, "input") if not body.get("prompt") else body.get("input") or "")
    check_items(inputs, known=earlier.calls if earlier else (), waiting=earlier.waiting() if earlier else ())
    prompt = read_prompt(body, inputs, earlier)
    reply = await call.reply(prompt)
    response = _response(call, body, prompt, reply)
    kept = _kept(response, prompt, inputs, reply, earlier)
    if body.get("background"):
        kept.status = "queued"
    _keep(call, body, kept)
    if body.get("stream"):
        kept.status = response["status"]
        return named_events(response_events(response))
    return json_answer(kept.as_of_now())


async def retrieve_response(call: Call) -> Answer:
    """Return a response again, whole or as a stream."""
    kept = _find(call)
    if call.request.query.get("stream") == "true":
        kept.status = kept.response["status"] if kept.status != "cancelled" else kept.status
        events = response_events(kept.response)
        start = int(call.request.query.get("starting_after", -1))
        return named_events([event for event in events if event["sequence_number"] > start])
    kept.advance()
    return json_answer(kept.as_of_now())


async def cancel_response(call: Call) -> Answer:
    """Cancel a background response."""
    kept = _find(call)
    if not kept.response["background"]:
        raise RequestError("Only responses that were created with background=true can be cancelled.")
    if kept.status in UNFINISHED:
        kept.status = "cancelled"
    return json_answer(kept.as_of_now())


async def delete_response(call: Call) -> Answer:
    """Delete a response."""
    kept = _find(call)
    del call.shared.responses[kept.response["id"]]
    return json_answer({"id": kept.response["id"], "object": "response.deleted", "deleted": True})


async def list_input_items(call: Call) -> Answer:
    """List the input items of a response."""
    items = [{"id": f"msg_{index}", **item} for index, item in enumerate(_find(call).input)]
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {"first_id": None, "last_id": None}
    return json_answer({"object": "list", "data": items, "has_more": False, **ends})


async def count_input_tokens(call: Call) -> Answer:
    """Count the tokens of an input."""
    body = call.body()
    prompt = read_prompt(body, _input_items(body.get("input") or ""), _earlier(call, body))
    return json_answer({"object": "response.input_tokens", "input_tokens": prompt.tokens})


async def compact_response(call: Call) -> Answer:
    """Compact a conversation to the user's messages and one encrypted item."""
    body = call.body()
    inputs = _input_items(body.get("input") or "")
    prompt = read_prompt(body, inputs, _earlier(call, body))
    call.model(body)
    said = [
        {
            "id": call.ids.hexadecimal("msg_", 48),
            "type": "message",
            "role": "user",
            "status": "completed",
            "content": [{"type": "input_text", "text": message.text}],
        }
        for message in prompt.messages
        if message.role == "user"
    ]
    sealed = call.ids.hexadecimal("", 64)
    item = {"id": call.ids.hexadecimal("cmp_", 48), "type": "compaction", "encrypted_content": sealed}
    usage = _usage(prompt, cached=0, said=tokens.count(sealed), thought=0)
    head = {"id": call.ids.hexadecimal("resp_", 48), "object": "response.compaction", "created_at": call.now}
    return json_answer({**head, "output": [*said, item], "usage": usage})


def read_prompt(body: Json, inputs: list[Json], earlier: Kept | None) -> Prompt:
    """Read the prompt from a request to the Responses endpoint; the `earlier` conversation comes before the input."""
    opening = [Message(role="developer", text=body["instructions"])] if body.get("instructions") else []
    before = earlier.history if earlier else ()
    calls = _called(inputs, earlier)
    messages = (*opening, *before, *(_message(item, calls) for item in inputs))
    return Prompt(
        messages=messages or (Message(role="user", text=""),),
        tools=read_tools(body.get("tools")),
        tool_choice=read_tool_choice(body.get("tool_choice")),
        parallel=body.get("parallel_tool_calls") is not False,
        schema=read_format((body.get("text") or {}).get("format")),
        max_tokens=body.get("max_output_tokens"),
    )


def _called(items: list[Json], earlier: Kept | None) -> dict[str, str]:
    """Return the names of all called functions by call id."""
    calls = {str(item.get("call_id")): str(item.get("name")) for item in items if item["type"] == "function_call"}
    return {**(earlier.calls if earlier else {}), **calls}


def _input_items(given: Any) -> list[Json]:
    if isinstance(given, str):
        content = [{"type": "input_text", "text": given}]
        return [{"type": "message", "role": "user", "content": content}] if given else []
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise RequestError("Invalid type for 'input': expected a string or an array of objects.", param="input")
    return [{"type": "message", **item} for item in given]


def _message(item: Json, calls: dict[str, str]) -> Message:
    match item["type"]:
        case "function_call":
            return Message(role="assistant", text=f"{item.get('name')} {item.get('arguments')}")
        case "function_call_output":
            return read_content(item.get("output"), role="tool", tool_name=calls.get(str(item.get("call_id"))))
        case "message":
            return read_content(item.get("content"), role=str(item.get("role", "user")))
        case _:
            return Message(role="assistant", text="")


def _response(call: Call, body: Json, prompt: Prompt, reply: Reply) -> Json:
    model = call.model(body)
    reasoning = body.get("reasoning") or {}
    thought = names.reasoning_tokens(model, reasoning.get("effort"))
    cut = {"length": "max_output_tokens", "content_filter": "content_filter"}.get(reply.finished)
    status = "failed" if reply.error is not None else "incomplete" if cut else "completed"
    has_failed = status == "failed"
    cached = call.shared.cache.cached_tokens(prompt)
    response = {key: default if body.get(key) is None else body[key] for key, default in ECHOED.items()}
    return response | {
        "id": call.ids.hexadecimal("resp_", 48),
        "object": "response",
        "created_at": call.now,
        "completed_at": call.now if status == "completed" else None,
        "status": status,
        "error": {"code": "server_error", "message": reply.error} if has_failed else None,
        "incomplete_details": {"reason": cut} if cut else None,
        "model": names.snapshot(model),
        "conversation": _conversation(body),
        "output": [] if has_failed else output_items(call.ids, body, model, reply),
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default" if body.get("service_tier") in (None, "auto") else body["service_tier"],
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(body.get("text") or {})},
        "tools": [_echoed_tool(tool) for tool in body.get("tools") or ()],
        "usage": None if has_failed else _usage(prompt, cached=cached, said=reply.tokens + thought, thought=thought),
    }


def _echoed_tool(tool: Json) -> Json:
    return {"strict": True, "parameters": None, "description": None, **tool} if tool.get("type") == "function" else tool


def _conversation(body: Json) -> Json | None:
    given = body.get("conversation")
    return {"id": given} if isinstance(given, str) else given


def _usage(prompt: Prompt, *, cached: int, said: int, thought: int) -> Json:
    return {
        "input_tokens": prompt.tokens,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": prompt.tokens + said,
    }


def _kept(response: Json, prompt: Prompt, inputs: list[Json], reply: Reply, earlier: Kept | None) -> Kept:
    # Instructions apply to one response only; they are not carried over.
    history = prompt.messages[1 if response["instructions"] else 0 :]
    said = Message(role="assistant", text=reply.text or reply.refusal or "")
    return Kept(
        response=response,
        history=(*history, said),
        input=inputs,
        calls=_called([*inputs, *response["output"]], earlier),
        status=response["status"],
    )


def _earlier(call: Call, body: Json) -> Kept | None:
    if conversation := _conversation(body):
        found: Kept | None = call.shared.conversations.get(conversation["id"])
        return found
    previous = body.get("previous_response_id")
    if previous is None:
        return None
    kept: Kept | None = call.shared.responses.get(previous)
    if kept is None:
        raise RequestError(
            f"Previous response with id '{previous}' not found.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return kept


def _keep(call: Call, body: Json, kept: Kept) -> None:
    if conversation := _conversation(body):
        call.shared.conversations[conversation["id"]] = kept
    if body.get("store") is False:
        return
    call.shared.responses[kept.response["id"]] = kept
    if len(call.shared.responses) > MOST_KEPT:
        del call.shared.responses[next(iter(call.shared.responses))]


def _find(call: Call) -> Kept:
    kept: Kept | None = call.shared.responses.get(call.parts["id"])
    if kept is None:
        raise RequestError(f"Response with id '{call.parts['id']}' not found.", status=404)
    return kept
