"""Legacy text completions: a prompt in, texts out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baserun.instrumentation import CallDetails
from baserun_openai._exchange import Answer, Merged
from baserun_openai._failure import failure_in, tell_failure
from baserun_openai._preview import joined, text_in
from baserun_openai._sse import Event, decoded
from baserun_openai._usage import read_usage
from baserun_openai._wire import Fields, labels_of, objects_of

CONTENT = ("prompt", "suffix")


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the prompt, with the suffix (the text after the insertion) if there is one."""
    prompt, suffix = fields.get("prompt"), fields.get("suffix")
    details.input = prompt if suffix is None else {"prompt": prompt, "suffix": suffix}
    details.input_preview = text_in(prompt) or (joined(prompt) if isinstance(prompt, list) else None)


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in the text of every choice."""
    completion = answer.read(_merge)
    choices = objects_of(completion.get("choices"))
    details.response_id = completion.get("id")
    details.response_model = completion.get("model")
    details.usage = read_usage(completion.get("usage"))
    details.finish_reasons = labels_of(choice.get("finish_reason") for choice in choices)
    details.output = [{"text": choice.get("text")} for choice in choices] or answer.other
    details.output_preview = joined(choice.get("text") for choice in choices[:1])
    tell_failure(completion.get("error"), details)


def _merge(events: Iterable[Event]) -> Merged:
    completion: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    merged = Merged(answer=completion)
    for event, chunk in decoded(events):
        merged.error = failure_in(event, chunk) or merged.error
        for name in ("id", "model", "usage"):
            if chunk.get(name):
                completion[name] = chunk[name]
        for part in objects_of(chunk.get("choices")):
            if _add(choices, part) and merged.first_offset is None:
                merged.first_offset = event.end
    completion["choices"] = [_finished(choices[index]) for index in sorted(choices)]
    return merged


def _add(choices: dict[int, dict[str, Any]], part: dict[str, Any]) -> bool:
    index = part.get("index")
    choice = choices.setdefault(index if isinstance(index, int) else 0, {"text": [], "finish_reason": None})
    if part.get("finish_reason"):
        choice["finish_reason"] = part["finish_reason"]
    text = part.get("text")
    if not isinstance(text, str) or not text:
        return False
    choice["text"].append(text)
    return True


def _finished(choice: dict[str, Any]) -> dict[str, Any]:
    return {**choice, "text": "".join(choice["text"])}
