"""Attaching annotations to their session, trace or span, whichever arrives first."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

import msgspec

from baserun.store.rows import AnnotationRow, json_object
from baserun.store.sqlite import _rollups
from baserun.store.sqlite._batch import Batch
from baserun.store.sqlite._draft import hash_response
from baserun.store.sqlite._flush import write_tags
from baserun.store.sqlite._removal import remove_annotations
from baserun.store.sqlite._sql import insert, insert_rows, select_in

LARGEST_SCORE = 1e9

_COLUMNS = (
    "id, type, name, score, session_id, trace_id, span_id, wanted_session, wanted_trace, wanted_span, wanted_response"
)
_NEW = (
    "id", "identifier", "created_us", "type", "name", "score", "is_waiting", "wanted_session", "wanted_trace",
    "wanted_span", "wanted_response",
)  # fmt: skip
_INSERT = insert("annotations", _NEW)
_INSERT_CONTENT = insert("annotation_contents", ("id", "value", "comment", "metadata"))
_WAITING = f"SELECT {_COLUMNS} FROM annotations WHERE is_waiting AND "
_KNOWN = f"SELECT identifier, created_us, {_COLUMNS} FROM annotations WHERE identifier IN ({{}})"
_FEEDBACK = ("feedback_count", "feedback_sum", "feedback_negative", "feedback_positive")
_ADD = ", ".join(f"{column} = {column} + ?" for column in _FEEDBACK)
_ADD_DIRECT = ", ".join(f"{column} = {column} + ?" for column in _rollups.DIRECT_COLUMNS)


class Waiting(msgspec.Struct):
    """An annotation, with what it is attached to and the ids that it came with."""

    id: int
    type: str
    name: str | None
    score: float | None
    session_id: int | None
    trace_id: int | None
    span_id: int | None
    wanted_session: str | None
    wanted_trace: bytes | None
    wanted_span: bytes | None
    wanted_response: str | None


def store_annotations(connection: sqlite3.Connection, batch: Batch) -> int:
    """Store the annotations of a batch, and attach stored ones that waited for records of this batch.

    Call it after the rest of the batch is written. Returns by how many the number of annotations has grown.
    """
    fresh, replaced = _fresh(connection, batch.annotations) if batch.annotations else ([], [])
    for known in replaced:
        _take_out(connection, known)
    waiting = [] if _nobody_waits(connection) else _woken(connection, batch)
    new = _insert(connection, batch, fresh)
    for annotation in [*new, *{each.id: each for each in waiting}.values()]:
        _attach(connection, annotation)
    return len(new) - len(replaced)


def _fresh(
    connection: sqlite3.Connection, annotations: Sequence[AnnotationRow]
) -> tuple[list[AnnotationRow], list[Waiting]]:
    """Return the annotations to store, one for each id, and the stored ones that they replace."""
    rows: dict[str, AnnotationRow] = {}
    for row in annotations:
        known = rows.get(row.id)
        if known is None or _replaces(row, known.type, known.created_us):
            rows[row.id] = row
    replaced = []
    for identifier, created_us, *stored in select_in(connection, _KNOWN, rows):
        known_before = Waiting(*stored)
        if _replaces(rows[identifier], known_before.type, created_us):
            replaced.append(known_before)
        else:
            del rows[identifier]
    return list(rows.values()), replaced


def _replaces(row: AnnotationRow, known_type: str, known_us: int) -> bool:
    """Return whether an annotation replaces one of the same id: the latest feedback counts, in any order of arrival."""
    return row.type == known_type == "feedback" and row.created_us >= known_us


def _take_out(connection: sqlite3.Connection, annotation: Waiting) -> None:
    before = (annotation.session_id, annotation.trace_id)
    annotation.session_id = annotation.trace_id = None
    _follow(connection, annotation, before)
    remove_annotations(connection, [annotation.id])


def _insert(connection: sqlite3.Connection, batch: Batch, fresh: Sequence[AnnotationRow]) -> list[Waiting]:
    if not fresh:
        return []
    numbered = [(batch.working_set.next_id("annotations"), row) for row in fresh]
    annotations = [_waiting(row_id, row) for row_id, row in numbered]
    insert_rows(
        connection,
        _INSERT,
        [(each.id, row.id, row.created_us, row.type, row.name, row.score, 0, each.wanted_session, each.wanted_trace,
          each.wanted_span, each.wanted_response)
         for each, (_, row) in zip(annotations, numbered, strict=True)],
    )  # fmt: skip
    contents = [(row_id, row.value, row.comment, row.metadata) for row_id, row in numbered if _says_more(row)]
    insert_rows(connection, _INSERT_CONTENT, contents)
    return annotations


def _waiting(row_id: int, row: AnnotationRow) -> Waiting:
    if row.score is not None and not (isfinite(row.score) and abs(row.score) <= LARGEST_SCORE):
        raise ValueError(f"the score {row.score!r} of annotation {row.id!r} is not a number up to {LARGEST_SCORE:g}")
    return Waiting(
        id=row_id, type=row.type, name=row.name, score=row.score, session_id=None, trace_id=None, span_id=None,
        wanted_session=row.session_id, wanted_response=row.completion_id,
        wanted_trace=None if row.trace_id is None else bytes.fromhex(row.trace_id),
        wanted_span=None if row.span_id is None else bytes.fromhex(row.span_id),
    )  # fmt: skip


def _says_more(row: AnnotationRow) -> bool:
    return row.value is not None or row.comment is not None or row.metadata is not None


def _nobody_waits(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM annotations WHERE is_waiting LIMIT 1").fetchone() is None


def _woken(connection: sqlite3.Connection, batch: Batch) -> list[Waiting]:
    sessions = [each.identifier for each in batch.working_set.sessions.values() if each.is_new]
    traces = [each.key for each in batch.working_set.traces.values() if each.is_dirty]
    found: list[Any] = []
    wanted: Sequence[tuple[str, Iterable[Any]]] = (
        ("wanted_session", sessions),
        ("wanted_trace", traces),
        ("wanted_response", batch.response_ids),
    )
    for column, values in wanted:
        found += select_in(connection, f"{_WAITING} {column} IN ({{}})", values)
    return [Waiting(*row) for row in found]


def _attach(connection: sqlite3.Connection, annotation: Waiting) -> None:
    before = (annotation.session_id, annotation.trace_id)
    span_id, trace_id = _find_call(connection, annotation.wanted_response)
    if trace_id is None and annotation.wanted_trace is not None:
        trace_id = _find(connection, "SELECT id FROM traces WHERE trace = ?", annotation.wanted_trace)
    if span_id is None and trace_id is not None and annotation.wanted_span is not None:
        query = "SELECT id FROM spans WHERE trace_id = ? AND span = ?"
        span_id = _find(connection, query, trace_id, annotation.wanted_span)
    session_id = None
    if trace_id is None and annotation.wanted_session is not None:
        session_id = _find(connection, "SELECT id FROM sessions WHERE identifier = ?", annotation.wanted_session)
    annotation.session_id, annotation.trace_id, annotation.span_id = session_id, trace_id, span_id
    connection.execute(
        "UPDATE annotations SET session_id = ?, trace_id = ?, span_id = ?, is_waiting = ? WHERE id = ?",
        (session_id, trace_id, span_id, _still_waits(annotation), annotation.id),
    )
    if (session_id, trace_id) != before:
        _follow(connection, annotation, before)


def _find_call(connection: sqlite3.Connection, response_id: str | None) -> tuple[int | None, int | None]:
    """Return the span and the trace of the call whose response has this id."""
    if response_id is None:
        return (None, None)
    query = "SELECT id, trace_id FROM spans WHERE response_hash = ? AND response_id = ? ORDER BY id LIMIT 1"
    found = connection.execute(query, (hash_response(response_id), response_id)).fetchone()
    span_id, trace_id = found or (None, None)
    return span_id, trace_id


def _find(connection: sqlite3.Connection, query: str, *values: str | bytes | int) -> int | None:
    row = connection.execute(query, values).fetchone()
    return None if row is None else int(row[0])


def _still_waits(annotation: Waiting) -> bool:
    is_span_wanted = annotation.wanted_response or (annotation.wanted_span and annotation.wanted_trace)
    if annotation.span_id is None and is_span_wanted:
        return True
    if annotation.trace_id is not None:
        return False
    return bool(annotation.wanted_trace or (annotation.wanted_session and annotation.session_id is None))


def _follow(connection: sqlite3.Connection, annotation: Waiting, before: tuple[int | None, int | None]) -> None:
    """Update roll-ups and tags after an annotation was attached to something else."""
    if annotation.type == "feedback" and annotation.score is not None:
        part = _rollups.feedback(annotation.score)
        add_feedback(connection, *before, tuple(-value for value in part))
        add_feedback(connection, annotation.session_id, annotation.trace_id, part)
    if annotation.type == "tag" and annotation.trace_id is not None and annotation.name is not None:
        _tag(connection, annotation.trace_id, annotation.name, annotation)


def add_feedback(
    connection: sqlite3.Connection, session_id: int | None, trace_id: int | None, part: tuple[int, ...]
) -> None:
    """Add to the feedback of a trace, its session and user, or of a session and its owner."""
    user_id = None
    if trace_id is not None:
        connection.execute(f"UPDATE traces SET {_ADD} WHERE id = ?", (*part, trace_id))
        session_id, user_id = connection.execute(
            "SELECT session_id, user_id FROM traces WHERE id = ?", (trace_id,)
        ).fetchone()
    elif session_id is not None:
        connection.execute(f"UPDATE sessions SET {_ADD_DIRECT} WHERE id = ?", (*part, session_id))
        (user_id,) = connection.execute("SELECT user_id FROM sessions WHERE id = ?", (session_id,)).fetchone()
    if session_id is not None:
        connection.execute(f"UPDATE sessions SET {_ADD} WHERE id = ?", (*part, session_id))
    if user_id is not None:
        connection.execute(f"UPDATE users SET {_ADD} WHERE id = ?", (*part, user_id))


def _tag(connection: sqlite3.Connection, trace_id: int, name: str, annotation: Waiting) -> None:
    (tags,) = connection.execute("SELECT tags FROM traces WHERE id = ?", (trace_id,)).fetchone()
    if name in json_object(tags):  # the trace has ended, with the value that counts
        return
    row = connection.execute("SELECT value FROM annotation_contents WHERE id = ?", (annotation.id,)).fetchone()
    if row is not None and row[0] is not None:
        write_tags(connection, trace_id, {name: msgspec.json.decode(row[0])}, is_new=False)
