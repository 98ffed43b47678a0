"""Removing what is old: whole sessions with their roll-ups, or only the content of calls."""

from __future__ import annotations

import sqlite3
from collections import Counter

from baserun.store.results import PruneReceipt
from baserun.store.sqlite import _ledger, _recompute
from baserun.store.sqlite._connection import OVERWRITE_EVERYTHING, WriteConnection
from baserun.store.sqlite._doomed import (
    OLD_CONTENT,
    OLD_LONE_ANNOTATION,
    OLD_LONE_TRACE,
    OLD_SESSION,
    SAID_ALONE,
    SAID_IN_TRACE,
    receipt,
)
from baserun.store.sqlite._removal import remove_annotations, remove_contents, remove_sessions, remove_traces
from baserun.store.sqlite._sql import select_in

SESSIONS_A_STEP = 50
TRACES_A_STEP = 200
ANNOTATIONS_A_STEP = 1_000
PAGES_A_STEP = 2_000


def prune(writer: WriteConnection, before_us: int, *, content_only: bool = False) -> PruneReceipt:
    """Remove what is older than a time, in many small transactions between which others can write."""
    removed: Counter[str] = Counter()
    contents = ContentPruning(before_us) if content_only else None
    is_done = is_missing = not writer.exists()
    while not is_done:
        with writer.transaction() as connection:
            connection.execute(OVERWRITE_EVERYTHING)
            step = prune_rows_step(connection, before_us) if contents is None else contents.step(connection)
        removed += step
        is_done = not step if contents is None else contents.is_done
    if removed or (content_only and not is_missing):  # an interrupted pruning leaves words in free pages
        give_space_back(writer)
    counts = {f"{kind}s": removed[kind] for kind in ("session", "trace", "span", "annotation")}
    return receipt(before_us, counts, content_only=content_only)


def prune_rows_step(connection: sqlite3.Connection, before_us: int) -> Counter[str]:
    """Remove a few sessions last active before a time; if none, traces without a session; if none, lone annotations."""
    sessions = connection.execute(
        f"SELECT id FROM sessions WHERE {OLD_SESSION} ORDER BY last_us LIMIT :most",
        {"before": before_us, "most": SESSIONS_A_STEP},
    )
    removed = remove_sessions(connection, [each for (each,) in sessions.fetchall()])
    if not removed["session"]:
        traces = connection.execute(
            f"SELECT id FROM traces WHERE {OLD_LONE_TRACE} LIMIT :most", {"before": before_us, "most": TRACES_A_STEP}
        )
        removed += remove_traces(connection, [each for (each,) in traces.fetchall()])
        if not removed["trace"]:
            removed["annotation"] += _remove_unattached(connection, before_us)
    removed = +removed
    _ledger.add(connection, _ledger.PRUNED, removed)
    return removed


def _remove_unattached(connection: sqlite3.Connection, before_us: int) -> int:
    """Remove annotations that are attached to no session or trace, for example since it never arrived."""
    connection.execute("DELETE FROM pending_moves WHERE at_us < ?", (before_us,))
    found = connection.execute(
        f"SELECT id FROM annotations WHERE {OLD_LONE_ANNOTATION} LIMIT :most",
        {"before": before_us, "most": ANNOTATIONS_A_STEP},
    )
    return remove_annotations(connection, [each for (each,) in found.fetchall()])


class ContentPruning:
    """Removes the content from before a time.

    First the content of traces that started before it, then logs and comments of no trace; each is walked once.
    """

    def __init__(self, before_us: int) -> None:
        self._before_us = before_us
        self._last_trace = (-(2**62), 0)
        """The start and the row id of the last trace that was looked at."""
        self._last_annotation = 0
        self._traces_are_done = False
        self.is_done = False

    def step(self, connection: sqlite3.Connection) -> Counter[str]:
        """Remove the next few; return the numbers of spans, traces and annotations."""
        if self._traces_are_done:
            return self._step_of_annotations(connection)
        return self._step_of_traces(connection)

    def _step_of_traces(self, connection: sqlite3.Connection) -> Counter[str]:
        started_us, trace_id = self._last_trace
        rows = connection.execute(
            "SELECT started_us, id, session_id FROM traces WHERE (started_us, id) > (:started, :id)"
            f" AND {OLD_CONTENT} ORDER BY started_us, id LIMIT :most",
            {"started": started_us, "id": trace_id, "before": self._before_us, "most": TRACES_A_STEP},
        ).fetchall()
        self._traces_are_done = len(rows) < TRACES_A_STEP
        if not rows:
            return Counter()
        started_us, trace_id, _ = rows[-1]
        self._last_trace = (started_us, trace_id)
        removed = _remove_content_of(connection, [trace_id for _, trace_id, _ in rows])
        for session_id in {session_id for _, _, session_id in rows} - {None}:
            _recompute.refresh_previews(connection, session_id)
        _ledger.add(connection, _ledger.PRUNED, {"content": removed["span"]})
        return removed

    def _step_of_annotations(self, connection: sqlite3.Connection) -> Counter[str]:
        rows = connection.execute(
            f"SELECT id, {SAID_ALONE} FROM annotations WHERE id > :id ORDER BY id LIMIT :most",
            {"before": self._before_us, "id": self._last_annotation, "most": ANNOTATIONS_A_STEP},
        ).fetchall()
        self.is_done = len(rows) < ANNOTATIONS_A_STEP
        if rows:
            self._last_annotation = rows[-1][0]
        said = [(row_id,) for row_id, is_said in rows if is_said]
        return Counter(annotation=_run(connection, "DELETE FROM annotation_contents WHERE id = ?", said))


def _remove_content_of(connection: sqlite3.Connection, trace_ids: list[int]) -> Counter[str]:
    spans = [each for (each,) in select_in(connection, "SELECT id FROM spans WHERE trace_id IN ({})", trace_ids)]
    parameters = [(each,) for each in trace_ids]
    removed = Counter(
        span=remove_contents(connection, spans),
        trace=_run(connection, "DELETE FROM trace_contents WHERE id = ?", parameters),
        annotation=_run(
            connection,
            "DELETE FROM annotation_contents"
            f" WHERE id IN (SELECT id FROM annotations WHERE trace_id = ? AND {SAID_IN_TRACE})",
            parameters,
        ),
    )
    connection.executemany(
        "UPDATE spans SET input_preview = NULL, output_preview = NULL WHERE trace_id = ?", parameters
    )
    return removed


def _run(connection: sqlite3.Connection, sql: str, parameters: list[tuple[int]]) -> int:
    """Run a statement for each of `parameters`; return the number of changed rows."""
    return max(0, connection.executemany(sql, parameters).rowcount)


def give_space_back(writer: WriteConnection) -> None:
    """Return freed pages to the file system, a few at a time, and empty the log."""
    while True:
        with writer.exclusive() as connection:
            free = connection.execute("PRAGMA freelist_count").fetchone()[0]
            connection.execute(f"PRAGMA incremental_vacuum({PAGES_A_STEP})").fetchall()
            if connection.execute("PRAGMA freelist_count").fetchone()[0] in (0, free):
                break
    empty_log(writer)


def empty_log(writer: WriteConnection) -> None:
    """Move everything from the log into the file, so that no removed content stays in the log."""
    with writer.exclusive() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
