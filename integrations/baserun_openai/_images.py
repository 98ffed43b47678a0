"""Images: a prompt in, images out; the images are described, not stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from baserun.instrumentation import CallDetails
from baserun_openai._binary import describe_base64
from baserun_openai._exchange import Answer, Merged
from baserun_openai._failure import failure_in, tell_failure
from baserun_openai._preview import cut
from baserun_openai._sse import Event, decoded
from baserun_openai._usage import read_usage
from baserun_openai._wire import Fields, objects_of, pick, text_of

FILES = ("image", "image[]", "mask")
CONTENT = ("prompt", *FILES)


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the prompt, with descriptions of the images that were sent."""
    prompt = fields.get("prompt")
    has_files = any(name in fields for name in FILES)
    details.input = pick(fields, CONTENT) if has_files else prompt
    details.input_preview = cut(text_of(prompt) or "")


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in descriptions of the images."""
    answered = answer.read(_merge)
    media_type = f"image/{answered.get('output_format') or 'png'}"
    details.response_model = answered.get("model")
    details.usage = read_usage(answered.get("usage"), "image")
    details.output = [_described(image, media_type) for image in objects_of(answered.get("data"))] or None
    tell_failure(answered.get("error"), details)


def _described(image: dict[str, Any], media_type: str) -> Any:
    encoded = image.get("b64_json")
    kept = {name: image[name] for name in ("url", "revised_prompt") if image.get(name)}
    if isinstance(encoded, str):
        kept["image"] = describe_base64(encoded, media_type)
    return kept


def _merge(events: Iterable[Event]) -> Merged:
    answered: dict[str, Any] = {"data": []}
    merged = Merged(answer=answered)
    last: dict[str, Any] | None = None
    for event, value in decoded(events):
        merged.error = failure_in(event, value) or merged.error
        if not isinstance(value.get("b64_json"), str):
            continue
        last = value
        merged.first_offset = merged.first_offset or event.end
        if str(value.get("type")).endswith(".completed"):
            answered["data"].append(value)
    if last is not None:
        answered["data"] = answered["data"] or [last]
        answered.update({name: last[name] for name in ("usage", "output_format") if last.get(name)})
    return merged
