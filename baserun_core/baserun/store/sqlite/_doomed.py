"""What pruning before a time concerns: the conditions by which it is found, and counting it without removing it."""

from __future__ import annotations

import sqlite3

from baserun.store.results import PruneReceipt
from baserun.store.sqlite._convert import time

OLD_SESSION = "last_us < :before"
OLD_LONE_TRACE = "session_id IS NULL AND started_us < :before AND last_us < :before"
OLD_LONE_ANNOTATION = "session_id IS NULL AND trace_id IS NULL AND created_us < :before"
OLD_CONTENT = "started_us < :before"
"""A trace whose content goes, while its row stays."""
SAID_IN_TRACE = "type <> 'tag'"
SAID_ALONE = f"trace_id IS NULL AND {SAID_IN_TRACE} AND created_us < :before"
"""An annotation whose content goes: in a trace with that of the trace, in no trace by its own age."""

_SESSIONS = f"SELECT id FROM sessions WHERE {OLD_SESSION}"
_TRACES = f"SELECT id FROM traces WHERE session_id IN ({_SESSIONS}) OR ({OLD_LONE_TRACE})"
_ROWS = {
    "sessions": f"SELECT count(*) FROM sessions WHERE {OLD_SESSION}",
    "traces": f"SELECT count(*) FROM ({_TRACES})",
    "spans": f"SELECT count(*) FROM spans WHERE trace_id IN ({_TRACES})",
    "annotations": "SELECT count(*) FROM annotations"
    f" WHERE session_id IN ({_SESSIONS}) OR trace_id IN ({_TRACES}) OR ({OLD_LONE_ANNOTATION})",
}
_OLD = f"SELECT id FROM traces WHERE {OLD_CONTENT}"
_CONTENTS = {
    "traces": f"SELECT count(*) FROM trace_contents WHERE id IN ({_OLD})",
    "spans": f"SELECT count(*) FROM contents WHERE id IN (SELECT id FROM spans WHERE trace_id IN ({_OLD}))",
    "annotations": "SELECT count(*) FROM annotation_contents WHERE id IN"
    f" (SELECT id FROM annotations WHERE (trace_id IN ({_OLD}) AND {SAID_IN_TRACE}) OR ({SAID_ALONE}))",
}


def count_doomed(connection: sqlite3.Connection | None, before_us: int, *, content_only: bool) -> PruneReceipt:
    """Return the receipt that pruning would give now; None stands for a store that was never written to."""
    counts = dict.fromkeys(_ROWS, 0)
    if connection is not None:
        for what, query in (_CONTENTS if content_only else _ROWS).items():
            (counts[what],) = connection.execute(query, {"before": before_us}).fetchone()
    return receipt(before_us, counts, content_only=content_only)


def receipt(before_us: int, counts: dict[str, int], *, content_only: bool) -> PruneReceipt:
    """Return a receipt with these `counts` of sessions, traces, spans and annotations."""
    return PruneReceipt(before=time(before_us), contents=counts["spans"] if content_only else 0, **counts)
