"""Embeddings: texts in, vectors out; the vectors are counted, not stored."""

from __future__ import annotations

from typing import Any

import msgspec

from baserun.instrumentation import CallDetails
from baserun_openai._binary import decode_base64
from baserun_openai._exchange import Answer
from baserun_openai._failure import tell_failure
from baserun_openai._usage import read_usage
from baserun_openai._wire import Fields, decode, object_of, split_array, split_object

CONTENT = ("input",)
BYTES_OF_A_NUMBER = 4  # base64 vectors are of 32-bit floats


class _Embedding(msgspec.Struct):
    embedding: msgspec.Raw


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the texts."""
    details.input = fields.get("input")


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in the number of vectors and of their dimensions."""
    fields = split_object(answer.body)
    vectors = split_array(fields.get("data"))
    details.response_model = decode(fields.get("model"))
    details.usage = read_usage(decode(fields.get("usage")))
    tell_failure(decode(fields.get("error")), details)
    if vectors is not None:
        details.output = {"embeddings": len(vectors), "dimensions": _dimensions(vectors[0]) if vectors else None}


def _dimensions(vector: Any) -> int | None:
    if isinstance(vector, msgspec.Raw):
        try:
            vector = {"embedding": msgspec.json.decode(vector, type=_Embedding).embedding}
        except (msgspec.MsgspecError, ValueError):
            return None
    values = decode(object_of(vector).get("embedding"))
    if isinstance(values, str):
        return len(decode_base64(values)) // BYTES_OF_A_NUMBER
    return len(values) if isinstance(values, list) else None
