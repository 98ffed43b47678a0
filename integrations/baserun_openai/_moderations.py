"""Moderations: content in, verdicts out."""

from __future__ import annotations

from baserun.instrumentation import CallDetails
from baserun_openai._exchange import Answer
from baserun_openai._failure import tell_failure
from baserun_openai._wire import Fields, decode, recorded, split_object

CONTENT = ("input",)


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the content."""
    details.input = fields.get("input")


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in the verdicts."""
    fields = split_object(answer.body)
    details.response_id = decode(fields.get("id"))
    details.response_model = decode(fields.get("model"))
    details.output = recorded(fields.get("results"))
    tell_failure(decode(fields.get("error")), details)
