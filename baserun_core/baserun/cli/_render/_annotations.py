"""Rendering the annotations of a session, trace or span."""

from __future__ import annotations

from baserun.cli._render._lines import BAD, GOOD, QUIET, Line, facts, line
from baserun.store import StoredAnnotation
from baserun.store.filters import is_positive
from baserun.wording.text import one_line
from baserun.wording.values import logged, value_in_words

_MOST_COMMENT = 400


def tell_annotation(note: StoredAnnotation, indent: int = 2) -> Line | None:
    """Return the annotation as a line; None for a tag, which is shown with its trace."""
    if note.type == "feedback":
        return _feedback(note, indent)
    if note.type == "check":
        return _check(note, indent)
    if note.type == "log":
        name = f"{note.name}: " if note.name else ""
        return line((f"log {name}{logged(note)}", QUIET), indent=indent)
    return None


def _feedback(note: StoredAnnotation, indent: int) -> Line:
    name = None if note.name == note.type else note.name  # the default name of feedback from a web client
    words = facts(name, None if note.score is None else f"{note.score:.2f}")
    style = QUIET if note.score is None else GOOD if is_positive(note.score) else BAD
    comment = f" “{one_line(note.comment, _MOST_COMMENT)}”" if note.comment else ""
    return line((f"feedback {words}".rstrip(), style), comment, indent=indent)


def _check(note: StoredAnnotation, indent: int) -> Line:
    has_passed = bool(note.score)
    details = f" {value_in_words(note.value)}" if note.value is not None and not has_passed else ""
    return line(
        (f"check {note.name} {'passed' if has_passed else 'failed'}", GOOD if has_passed else BAD),
        details,
        indent=indent,
    )
