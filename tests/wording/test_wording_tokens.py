"""Tokens in words."""

from __future__ import annotations

from typing import Any

import pytest

from baserun.store import StoredUsage
from baserun.wording.tokens import tokens_in_words
from stored_records import a_trace

NOTHING: dict[str, Any] = dict.fromkeys(StoredUsage.__struct_fields__)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"input_tokens": 1234, "output_tokens": 56}, "1,234 in, 56 out"),
        (
            {"input_tokens": 9, "output_tokens": 5, "cached_input_tokens": 8, "reasoning_tokens": 2},
            "9 in (8 cached), 5 out (2 reasoning)",
        ),
        ({"input_tokens": 12}, "12 in"),
        ({"output_tokens": 3}, "unknown in, 3 out"),
        ({}, None),
    ],
)
def test_the_tokens_of_a_call(known: dict[str, int], words: str | None) -> None:
    """Tokens in and out are told, with the cached and the reasoning ones; what is unknown is not zero."""
    assert tokens_in_words(StoredUsage(**{**NOTHING, **known})) == words


def test_the_tokens_of_several_calls() -> None:
    """A sum over calls is told alike; without a usage there are no words."""
    assert tokens_in_words(a_trace(input_tokens=100, output_tokens=None)) == "100 in"
    assert tokens_in_words(a_trace(input_tokens=1, output_tokens=2)) == "1 in, 2 out"
    assert tokens_in_words(a_trace()) is None
    assert tokens_in_words(None) is None
