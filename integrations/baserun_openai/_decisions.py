"""Decisions: questions about an input in, an answer to each out."""

from __future__ import annotations

from baserun.instrumentation import CallDetails
from baserun_openai._exchange import Answer
from baserun_openai._failure import tell_failure
from baserun_openai._preview import last_user_text, text_in
from baserun_openai._usage import read_usage
from baserun_openai._wire import Fields, decode, pick, recorded, split_object

CONTENT = ("input", "questions")


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the input and the questions about it."""
    details.input = pick(fields, CONTENT)
    given = fields.get("input")
    details.input_preview = last_user_text(given) or text_in(given)


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in the answers."""
    fields = split_object(answer.body)
    details.response_id = decode(fields.get("id"))
    details.response_model = decode(fields.get("model"))
    details.usage = read_usage(decode(fields.get("usage")))
    details.output = recorded(fields.get("answers"))
    tell_failure(decode(fields.get("error")), details)
