"""Audio: speech from text, and text from speech; the sound is described, not stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baserun.instrumentation import CallDetails, Usage
from baserun_openai._binary import decode_base64, describe_bytes
from baserun_openai._exchange import Answer, Merged
from baserun_openai._failure import failure_in, tell_failure
from baserun_openai._sse import Event, decoded
from baserun_openai._usage import read_usage
from baserun_openai._wire import Fields, decode, object_of, pick

FILES = ("file",)
CONTENT = ("input", "instructions", "prompt", *FILES)


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the text to be spoken, or the description of the recording to be transcribed."""
    given = [name for name in CONTENT if name in fields]
    details.input = fields["input"] if given == ["input"] else pick(fields, given)


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in the description of the sound, or the transcript."""
    if answer.events is not None:
        details.output = _read(answer.merge(_merge), details)
    elif answer.content_type == "application/json":
        details.output = _read(object_of(decode(answer.body)), details)
    elif answer.content_type.startswith("text/"):
        details.output = answer.body.decode("utf-8", "replace")
    elif answer.body:
        details.output = _described(answer)
        details.usage = _spoken(details.input)


def _spoken(given: Any) -> Usage | None:
    """Return the number of characters, by which some speech is paid: an answer that is sound has no usage."""
    text = given.get("input") if isinstance(given, dict) else given
    return Usage(priced_apart={"input_characters": len(text)}) if isinstance(text, str) and text else None


def _described(answer: Answer) -> dict[str, Any]:
    if answer.size == len(answer.body):
        return describe_bytes(answer.body, answer.content_type or None)
    return {"type": answer.content_type or None, "size": answer.size}


def _read(answered: dict[str, Any], details: CallDetails) -> Any:
    details.usage = read_usage(answered.get("usage"))
    tell_failure(answered.get("error"), details)
    if "audio" in answered:
        return describe_bytes(answered["audio"])
    return {name: value for name, value in answered.items() if name not in ("usage", "logprobs", "error")} or None


def _merge(events: Iterable[Event]) -> Merged:
    texts: list[str] = []
    sound: list[bytes] = []
    answered: dict[str, Any] = {}
    merged = Merged(answer=answered)
    for event, value in decoded(events):
        kind = str(value.get("type"))
        merged.error = failure_in(event, value) or merged.error
        if kind == "transcript.text.delta" and isinstance(value.get("delta"), str):
            texts.append(value["delta"])
        elif kind == "transcript.text.done":
            answered["text"] = value.get("text")
        elif kind == "speech.audio.delta" and isinstance(value.get("audio"), str):
            sound.append(decode_base64(value["audio"]))
        if value.get("usage"):
            answered["usage"] = value["usage"]
        if kind.endswith(".delta"):
            merged.first_offset = merged.first_offset or event.end
    if texts:
        answered.setdefault("text", "".join(texts))
    if sound:
        answered["audio"] = b"".join(sound)
    return merged
