"""Annotations in words."""

from __future__ import annotations

from typing import Any

import pytest

from baserun.wording.notes import Note, note_in_words
from stored_records import an_annotation


@pytest.mark.parametrize(
    ("kind", "fields", "note"),
    [
        ("feedback", {"score": 1.0, "comment": "yes"}, Note("feedback 1.00", "yes", is_good=True)),
        ("feedback", {"name": "helpful", "score": 0.25}, Note("feedback helpful · 0.25", None, is_good=False)),
        ("feedback", {"comment": "so so"}, Note("feedback", "so so", is_good=None)),
        ("check", {"name": "polite", "score": 1.0, "value": "yes"}, Note("check polite passed", None, is_good=True)),
        ("check", {"name": "polite", "score": 0.0, "value": {"a": 1}}, Note("check polite failed", '{"a": 1}', False)),
        ("check", {"name": "polite", "score": 0.0}, Note("check polite failed", None, is_good=False)),
        ("log", {"name": "seen", "value": "a\nb"}, Note("log seen", "a b", is_good=None)),
        ("log", {"name": None, "value": 3}, Note("log", "3", is_good=None)),
        ("log", {"name": None}, Note("log", "what was said is not recorded", is_good=None)),
        ("tag", {"value": "pro"}, None),
    ],
)
def test_an_annotation_in_words(kind: str, fields: dict[str, Any], note: Note | None) -> None:
    """Feedback has its name, unless that is the default, a check its result, a log its message; a tag has no words."""
    assert note_in_words(an_annotation(kind, **fields)) == note
