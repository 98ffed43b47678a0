"""Chat completions: messages in, one message for each choice out."""

from __future__ import annotations

from typing import Any

from baserun.instrumentation import CallDetails
from baserun_openai._binary import describe_base64
from baserun_openai._chat_stream import merge
from baserun_openai._exchange import Answer
from baserun_openai._failure import tell_failure
from baserun_openai._preview import joined, last_user_text, text_in
from baserun_openai._tool_calls import arguments_text
from baserun_openai._usage import read_usage
from baserun_openai._wire import Fields, label_of, labels_of, object_of, objects_of, text_of

CONTENT = ("messages",)


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the messages."""
    messages = fields.get("messages")
    details.input = messages
    details.input_preview = last_user_text(messages)


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in message, tool calls and finish reason of every choice."""
    completion = answer.read(merge)
    details.response_id = completion.get("id")
    details.response_model = completion.get("model")
    details.usage = read_usage(completion.get("usage"))
    details.service_tier = text_of(completion.get("service_tier"))
    messages: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    reasons = []
    failure = completion.get("error")
    for choice in objects_of(completion.get("choices")):
        message = object_of(choice.get("message"))
        messages.append(_without_payload(message))
        calls += _tool_calls(message)
        reasons.append(choice.get("finish_reason"))
        # A gateway reports the failure of a provider behind it in the choice that was to come from there.
        failure = failure or choice.get("error")
    details.tool_calls = calls or None
    details.finish_reasons = labels_of(reasons)
    details.output_preview = _preview(messages, calls)
    details.output = messages or answer.other
    tell_failure(failure, details)


def _tool_calls(message: dict[str, Any]) -> list[dict[str, Any]]:
    calls = [_tool_call(call) for call in objects_of(message.get("tool_calls"))]
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        calls.append(_told(None, legacy.get("name"), legacy.get("arguments")))
    return calls


def _tool_call(call: dict[str, Any]) -> dict[str, Any]:
    function, custom = object_of(call.get("function")), object_of(call.get("custom"))
    given = function.get("arguments") if function else custom.get("input")
    return _told(call.get("id"), function.get("name") or custom.get("name"), given)


def _told(call_id: Any, name: Any, given: Any) -> dict[str, Any]:
    arguments = None if given is None else arguments_text(given)
    return {"id": label_of(call_id), "name": label_of(name), "arguments": arguments}


def _preview(messages: list[dict[str, Any]], calls: list[dict[str, Any]]) -> str | None:
    for message in messages:
        audio = object_of(message.get("audio"))
        text = text_in(message.get("content")) or joined((message.get("refusal"), audio.get("transcript")))
        if text is not None:
            return text
    return joined(call["name"] for call in calls)


def _without_payload(message: dict[str, Any]) -> dict[str, Any]:
    audio = message.get("audio")
    if not isinstance(audio, dict) or not isinstance(audio.get("data"), str):
        return message
    return {**message, "audio": {**audio, "data": describe_base64(audio["data"], "audio")}}
