"""Annotations in words: feedback, checks and logs."""

from __future__ import annotations

from dataclasses import dataclass

from baserun.store import StoredAnnotation
from baserun.store.filters import is_positive
from baserun.wording.amounts import score_in_words
from baserun.wording.text import facts
from baserun.wording.values import logged, value_in_words


@dataclass(frozen=True, slots=True)
class Note:
    """An annotation in words."""

    words: str
    detail: str | None
    """The comment of feedback, the value of a check that failed, or the message of a log."""
    is_good: bool | None
    """Whether it is positive feedback or a check that passed; None if it does not judge."""


def note_in_words(note: StoredAnnotation) -> Note | None:
    """Return an annotation in words; None for a tag, which is shown with its trace."""
    if note.type == "feedback":
        return _feedback(note)
    if note.type == "check":
        has_passed = bool(note.score)
        detail = None if has_passed or note.value is None else value_in_words(note.value)
        return Note(f"check {note.name} {'passed' if has_passed else 'failed'}", detail, has_passed)
    if note.type == "log":
        return Note(f"log {note.name}" if note.name else "log", logged(note), None)
    return None


def _feedback(note: StoredAnnotation) -> Note:
    name = None if note.name == note.type else note.name  # the default name of feedback from a web client
    said = facts(name, None if note.score is None else score_in_words(note.score))
    is_good = None if note.score is None else is_positive(note.score)
    return Note(f"feedback {said}".rstrip(), note.comment or None, is_good)
