"""Rendering the annotations of a session, trace or span."""

from __future__ import annotations

from baserun.cli._render._lines import BAD, GOOD, QUIET, Line, line
from baserun.store import StoredAnnotation
from baserun.wording.notes import note_in_words
from baserun.wording.text import one_line

_MOST_COMMENT = 400


def tell_annotation(annotation: StoredAnnotation, indent: int = 2) -> Line | None:
    """Return the annotation as a line; None for a tag, which is shown with its trace."""
    note = note_in_words(annotation)
    if note is None:
        return None
    style = QUIET if note.is_good is None else GOOD if note.is_good else BAD
    if annotation.type == "log":
        return line((f"{note.words}{':' if annotation.name else ''} {note.detail}", style), indent=indent)
    return line((note.words, style), _detail(annotation, note.detail), indent=indent)


def _detail(annotation: StoredAnnotation, detail: str | None) -> str:
    if detail is None:
        return ""
    return f" “{one_line(detail, _MOST_COMMENT)}”" if annotation.type == "feedback" else f" {detail}"
