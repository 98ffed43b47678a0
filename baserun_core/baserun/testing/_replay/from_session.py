"""Making a recording, and the turns of the conversation, from a stored session."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from baserun.store import StoredCall, StoredSession
from baserun.testing._replay.playable import is_playable, oddity_of
from baserun.testing._replay.recording import Answer, Exchange, Recording, RecordingError, Request

CHAT, RESPONSES, COMPLETIONS = "/chat/completions", "/responses", "/completions"
_OPERATIONS = ("chat", "text_completion")
_RESPONSES_ONLY = ("max_output_tokens", "previous_response_id", "conversation", "reasoning", "text", "truncation")
_CUT = re.compile(r"^\[cut: |… \[cut: [\d,]+ characters|^\[not recorded: |^<int of [\d,]+ bits>$")
_FAULTS = {"timeout": "timeout", "network": "network"}
_OF_NETWORK = {"APITimeoutError": "timeout", "APIConnectionError": "network"}


class Turn(msgspec.Struct, kw_only=True):
    """A message of the user, and the final answer."""

    said: str
    answered: str | None
    """None if the call failed."""


def recording_of(session: StoredSession) -> tuple[Recording, list[Turn]]:
    """Return a recording of all calls of a session, and the turns of the conversation.

    Raises:
        RecordingError: There are no calls, or one cannot be replayed, for example because its content is not stored.
    """
    calls = _calls_of(session)
    if not calls:
        raise RecordingError(f"The session {session.id} has no call to a model; there is nothing to replay.")
    is_responses = all(_is_surely_responses(call) for call in calls if call.output is not None)
    exchanges = [_exchange(number, call, is_responses) for number, call in enumerate(calls, 1)]
    return Recording(calls=exchanges), _turns(calls, exchanges)


def _calls_of(session: StoredSession) -> list[StoredCall]:
    traces = [] if isinstance(session.traces, int) else session.traces
    calls = [span for trace in traces for span in trace.spans or () if isinstance(span, StoredCall)]
    return sorted(calls, key=lambda call: (call.started_at, call.id))


def _exchange(number: int, call: StoredCall, is_responses: bool) -> Exchange:
    if call.operation not in _OPERATIONS:
        raise _refused(number, call, f"is of the kind {call.operation}, whose answers (vectors, files) are not stored")
    if call.input is None:
        raise _refused(number, call, "has no input: it was recorded without content, or its content was pruned")
    place = _cut_place(call.input, "input") or _cut_place(call.output, "output")
    place = place or _cut_place(call.parameters, "parameters") or _cut_place(call.tool_calls, "tool_calls")
    if place is not None:
        raise _refused(number, call, f"was cut when it was stored, at {place}")
    oddity = oddity_of(call.output)
    if oddity is not None:
        raise _refused(number, call, oddity)
    path = COMPLETIONS if call.operation == "text_completion" else _chat_path(call, is_responses)
    exchange = Exchange(request=_request(call, path), answer=_answer(number, call, path))
    if not is_playable(exchange):
        raise _refused(number, call, "has an answer of a shape that no client is sent")
    return exchange


def _refused(number: int, call: StoredCall, why: str) -> RecordingError:
    when = f"{call.started_at:%Y-%m-%d %H:%M:%S}"
    return RecordingError(f"Call {number} ({call.name}, {when} UTC, span {call.id}) {why}; it cannot be replayed.")


def _cut_place(value: Any, place: str) -> str | None:
    if isinstance(value, str):
        return place if _CUT.search(value) else None
    if isinstance(value, dict):
        if "not_stored" in value and "sha256" in value:
            return place
        pairs = [(f"{place}.{name}", item) for name, item in value.items()]
    else:
        pairs = [(f"{place}[{index}]", item) for index, item in enumerate(value)] if isinstance(value, list) else []
    return next((found for inner, item in pairs if (found := _cut_place(item, inner)) is not None), None)


def _is_surely_responses(call: StoredCall) -> bool:
    if (call.response_id or "").startswith("resp_") or not isinstance(call.input, list):
        return True
    if any(name in (call.parameters or {}) for name in _RESPONSES_ONLY):
        return True
    return any(isinstance(item, dict) and "role" not in item for item in call.input)


def _chat_path(call: StoredCall, is_responses: bool) -> str:
    if _is_surely_responses(call):
        return RESPONSES
    # A call that failed at once may look the same in both APIs; it likely used the one that the session's others did.
    return RESPONSES if is_responses and call.output is None else CHAT


def _request(call: StoredCall, path: str) -> Request:
    body: dict[str, Any] = {} if call.request_model is None else {"model": call.request_model}
    if path == CHAT:
        body["messages"] = call.input
    elif path == RESPONSES:
        body.update(call.input if isinstance(call.input, dict) else {"input": call.input})
    else:
        body.update(call.input if isinstance(call.input, dict) else {"prompt": call.input})
    if call.stream:
        body["stream"] = True
    return Request(method="POST", path=path, body={**body, **(call.parameters or {})})


def _answer(number: int, call: StoredCall, path: str) -> Answer:
    error = call.error
    if error is not None and error.status_code is not None:
        return Answer(status=error.status_code, body=error.body)
    is_stream = bool(call.stream)
    if call.output is None:
        fault = None if error is None else _OF_NETWORK.get(error.type.rpartition(".")[2])
        if fault is not None and call.stream_end is None:
            return Answer(fault=fault)
        if not (is_stream and call.stream_end is not None):
            raise _refused(number, call, "has no answer" if error is None else f"ended with {error.type}, unanswered")
    sent_error = error.body if error is not None and call.stream_end == "error" else None
    fault = "error" if sent_error is not None else _FAULTS.get(call.stream_end or "")
    return Answer(stream=is_stream, body=_body(call, path), fault=fault, error=sent_error)


def _body(call: StoredCall, path: str) -> dict[str, Any]:
    known = {"id": call.response_id, "model": call.response_model}
    body: dict[str, Any] = {name: value for name, value in known.items() if value is not None}
    seconds = int(call.started_at.timestamp())
    output = call.output if isinstance(call.output, list) else []
    reasons = call.finish_reasons or []
    if path == RESPONSES:
        body.update({"created_at": seconds, "output": output}, **_status(reasons))
    else:
        body["created"] = seconds
        body["choices"] = [_choice(index, item, reasons, path) for index, item in enumerate(output)]
    usage = _usage(call, path)
    return body if usage is None else {**body, "usage": usage}


def _status(reasons: list[str]) -> dict[str, Any]:
    (reason,) = reasons[:1] or ["completed"]
    if reason in ("completed", "failed", "cancelled"):
        return {"status": reason}
    if reason in ("in_progress", "queued", "incomplete"):
        return {"status": "incomplete"}
    return {"status": "incomplete", "incomplete_details": {"reason": reason}}


def _choice(index: int, item: Any, reasons: list[str], path: str) -> dict[str, Any]:
    reason = reasons[index] if index < len(reasons) else None
    said = {"text": item.get("text")} if path == COMPLETIONS else {"message": item}
    return {"index": index, **said, "finish_reason": reason}


def _usage(call: StoredCall, path: str) -> dict[str, Any] | None:
    usage = call.usage
    if usage is None:
        return None
    given, made = usage.input_tokens or 0, usage.output_tokens or 0
    names = ("input", "output") if path == RESPONSES else ("prompt", "completion")
    counted: dict[str, Any] = {f"{names[0]}_tokens": given, f"{names[1]}_tokens": made, "total_tokens": given + made}
    if usage.cached_input_tokens is not None or path == RESPONSES:
        counted[f"{names[0]}_tokens_details"] = {"cached_tokens": usage.cached_input_tokens or 0}
    if usage.reasoning_tokens is not None or path == RESPONSES:
        counted[f"{names[1]}_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens or 0}
    return counted


def _turns(calls: list[StoredCall], exchanges: list[Exchange]) -> list[Turn]:
    """Return a turn for each new message of the user, with the last answer before the next message."""
    turns: list[Turn] = []
    before: tuple[str, int, str] | None = None
    for call, exchange in zip(calls, exchanges, strict=True):
        said = _said(exchange.request.body)
        if said is not None and before != (call.trace_id, *said):
            turns.append(Turn(said=said[1], answered=None))
            before = (call.trace_id, *said)
        if turns:
            turns[-1].answered = None if exchange.answer.status >= 400 or exchange.answer.fault else _text(call)
    return turns


def _said(body: dict[str, Any]) -> tuple[int, str] | None:
    """Return the number of messages of the user, and the last of them."""
    asked = body.get("messages", body.get("input", body.get("prompt")))
    if isinstance(asked, str):
        return 1, asked
    items = asked if isinstance(asked, list) else []
    texts = [_plain(item.get("content")) for item in items if isinstance(item, dict) and item.get("role") == "user"]
    return (len(texts), texts[-1]) if texts else None


def _text(call: StoredCall) -> str | None:
    items = [item for item in call.output or () if isinstance(item, dict)] if isinstance(call.output, list) else []
    if not items:
        return None
    if "text" in items[0]:
        return _plain(items[0]["text"])
    spoken = items[:1] if call.operation == "chat" and "type" not in items[0] else items
    said = [_plain(item.get("content")) for item in spoken if item.get("type", "message") == "message"]
    return "".join(said) or None


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part["text"]) for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
