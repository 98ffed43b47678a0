"""Rendering the annotations of a session, trace or span."""

from __future__ import annotations

from baserun.cli._render._lines import BAD, GOOD, QUIET, Line, facts, line
from baserun.cli._render._messages import compact
from baserun.cli._render._text import one_line
from baserun.store import StoredAnnotation
from baserun.store.filters import is_positive

_MOST_TEXT = 400

UNRECORDED = "what was said is not recorded"


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


def logged(note: StoredAnnotation) -> str:
    """Return the message of a log, or that it is not recorded."""
    return UNRECORDED if note.value is None else in_words(note.value)


def in_words(value: object) -> str:
    """Return a value on one line: text as it is, anything else as JSON."""
    return one_line(value if isinstance(value, str) else compact(value), _MOST_TEXT)


def pairs(values: dict[str, object] | None) -> str | None:
    """Return values such as ``plan=pro, seats=3``; None if there are none."""
    return ", ".join(f"{name}={in_words(value)}" for name, value in values.items()) if values else None


def _feedback(note: StoredAnnotation, indent: int) -> Line:
    name = None if note.name == note.type else note.name  # the default name of feedback from a web client
    words = facts(name, None if note.score is None else f"{note.score:.2f}")
    style = QUIET if note.score is None else GOOD if is_positive(note.score) else BAD
    comment = f" “{one_line(note.comment, _MOST_TEXT)}”" if note.comment else ""
    return line((f"feedback {words}".rstrip(), style), comment, indent=indent)


def _check(note: StoredAnnotation, indent: int) -> Line:
    has_passed = bool(note.score)
    details = f" {in_words(note.value)}" if note.value is not None and not has_passed else ""
    return line(
        (f"check {note.name} {'passed' if has_passed else 'failed'}", GOOD if has_passed else BAD),
        details,
        indent=indent,
    )
