"""Applying rows to a working set, in the order in which they happened."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from baserun._identity import STRENGTH_ADOPTED, STRENGTH_NONE
from baserun.store.rows import (
    AnnotationRow,
    EndSession,
    IdentifyUser,
    MoveTrace,
    OpenSession,
    SpanRow,
    TraceRow,
    UpdateSession,
    json_object,
)
from baserun.store.sqlite import _rollups
from baserun.store.sqlite._draft import Draft, SpanDraft
from baserun.store.sqlite._sql import blob, select_in
from baserun.store.sqlite._state import SessionState, TraceState
from baserun.store.sqlite._working_set import WorkingSet

_encode = msgspec.json.encode


class Batch:
    """Applies the rows of one transaction, and collects what is to be written.

    Args:
        connection: The connection, inside that transaction.
        draft: The rows, in the order in which they happened.
        are_new: Whether to assume that all spans are new: if one is not, writing it raises `IntegrityError`. Otherwise
            each is looked up, and stored ones are left out.
    """

    def __init__(self, connection: sqlite3.Connection, draft: Draft, *, are_new: bool) -> None:
        self.connection = connection
        self.working_set = WorkingSet(connection)
        self.spans: list[tuple[str, tuple[Any, ...]]] = []
        self.contents: list[tuple[str, tuple[Any, ...]]] = []
        """The INSERT statements of spans and contents, with their values."""
        self.previews: list[tuple[TraceState, int, str | None, str | None]] = []
        self.models: defaultdict[tuple[str, str], list[tuple[TraceState, tuple[int, ...]]]] = defaultdict(list)
        """The calls of each model: their traces, and what each adds to the sums of the model."""
        self.annotations: list[AnnotationRow] = []
        self.response_ids: list[str] = []
        self._are_new = are_new
        self._keys = draft.keys
        self._met: set[tuple[int, bytes]] = set()
        self._pending_moves: dict[bytes, MoveTrace] = {}
        self._load(draft)
        self._apply(draft)

    def _load(self, draft: Draft) -> None:
        users, sessions = set(draft.users), set(draft.sessions)
        self._load_pending_moves(draft.keys.values())
        for move in self._pending_moves.values():
            sessions.add(move.session_id)
            if move.user_identifier is not None:
                users.add(move.user_identifier)
        self.working_set.load(users, sessions, draft.keys.values())

    def _load_pending_moves(self, traces: Collection[bytes]) -> None:
        if self.connection.execute("SELECT 1 FROM pending_moves LIMIT 1").fetchone() is None:
            return
        query = "SELECT trace, session, at_us, user_identifier, user_strength FROM pending_moves WHERE trace IN ({})"
        for key, session, at_us, user, strength in select_in(self.connection, query, traces):
            self._pending_moves[key] = MoveTrace(
                trace_id=key.hex(), session_id=session, at_us=at_us, user_identifier=user, user_strength=strength
            )

    def _apply(self, draft: Draft) -> None:
        for step in draft.steps:
            _APPLY[type(step)](self, step)

    def _open_session(self, row: OpenSession) -> None:
        session = self.working_set.session(row.id)
        session.happen(row.at_us)
        session.opened_us = row.at_us if session.opened_us is None else max(session.opened_us, row.at_us)
        if session.previous is None:
            session.previous = row.previous_id
        self._merge(session, row.metadata)
        self._own(session, row.user_identifier, row.user_strength)

    def _end_session(self, row: EndSession) -> None:
        session = self.working_set.session(row.id)
        if not row.is_from_outside:
            session.happen(row.at_us)
        session.is_dirty = True
        session.closed_us = row.at_us if session.closed_us is None else max(session.closed_us, row.at_us)
        self._merge(session, row.metadata)

    def _update_session(self, row: UpdateSession) -> None:
        session = self.working_set.session(row.id)
        session.happen(row.at_us)
        self._merge(session, row.metadata)

    def _identify_user(self, row: IdentifyUser) -> None:
        session = self.working_set.session(row.session_id)
        session.happen(row.at_us)
        self._own(session, row.user_identifier, row.user_strength)

    def _move_trace(self, row: MoveTrace) -> None:
        key = self._keys[row.trace_id]
        trace = self.working_set.traces.get(key)
        if trace is None:
            self._keep_move(key, row)
        else:
            self._move(trace, row)

    def _keep_move(self, key: bytes, row: MoveTrace) -> None:
        known = self._pending_moves.get(key)
        if known is not None and known.at_us > row.at_us:
            return
        self._pending_moves[key] = row
        self.connection.execute(
            "INSERT OR REPLACE INTO pending_moves VALUES (?, ?, ?, ?, ?)",
            (key, row.session_id, row.at_us, row.user_identifier, row.user_strength),
        )

    def _move(self, trace: TraceState, row: MoveTrace) -> None:
        if trace.moved_us is not None and trace.moved_us >= row.at_us:
            return
        trace.moved_us = row.at_us
        trace.session = self.working_set.session(row.session_id)
        trace.own_user, trace.strength = None, STRENGTH_NONE
        trace.is_dirty = True
        self._own(trace, row.user_identifier, row.user_strength)

    def _trace(self, row: TraceRow) -> TraceState:
        key = self._keys[row.id]
        trace = self.working_set.traces.get(key)
        if trace is None:
            trace = self._new_trace(key, row)
        elif trace.status == "running":
            self._know_more(trace, row)
        return trace

    def _new_trace(self, key: bytes, row: TraceRow) -> TraceState:
        trace = self.working_set.new_trace(key)
        trace.started_us = trace.announced_us = trace.last_us = row.started_us
        if row.session_id is not None:
            trace.session = self.working_set.session(row.session_id)
        move = self._pending_moves.pop(key, None)
        self._describe(trace, row)
        if move is not None:
            self._move(trace, move)
            self.connection.execute("DELETE FROM pending_moves WHERE trace = ?", (key,))
        return trace

    def _know_more(self, trace: TraceState, row: TraceRow) -> None:
        if row.status != "running":
            if row.session_id is not None and trace.moved_us is None:
                trace.session = self.working_set.session(row.session_id)
            self._describe(trace, row)
            return
        if trace.session is None and row.session_id is not None:
            trace.session = self.working_set.session(row.session_id)
            trace.is_dirty = True
        if trace.moved_us is None:
            self._own(trace, row.user_identifier, row.user_strength)

    def _describe(self, trace: TraceState, row: TraceRow) -> None:
        trace.is_dirty = True
        trace.name, trace.kind, trace.environment = row.name, row.kind, row.environment
        trace.status = row.status
        if trace.moved_us is None:
            self._own(trace, row.user_identifier, row.user_strength)
        if row.duration_us is not None:
            trace.duration_us = row.duration_us
            trace.last_us = max(trace.last_us, row.started_us + row.duration_us)
        if row.status != "running":
            trace.is_completed = True
            trace.started_us = row.started_us
            trace.error_type, trace.error_message = row.error_type, row.error_message
            trace.result, trace.metadata, trace.tags = row.result, row.metadata, row.tags

    def _span(self, draft: SpanDraft) -> None:
        trace = self._trace(draft.row.trace)
        if not self._are_new and self._is_known(trace, draft.key):
            return
        span_id = self.working_set.next_id("spans")
        self.spans.append((draft.insert, (span_id, trace.id, *draft.values)))
        if draft.content:
            self.contents.append((draft.insert_content, (span_id, *draft.content)))
        self._count(trace, draft.row)

    def _is_known(self, trace: TraceState, key: bytes) -> bool:
        """Whether a span is stored, or occurred before in this batch."""
        if (trace.id, key) in self._met:
            return True
        self._met.add((trace.id, key))
        query = "SELECT 1 FROM spans WHERE trace_id = ? AND span = ?"
        return self.connection.execute(query, (trace.id, blob(key))).fetchone() is not None

    def _count(self, trace: TraceState, row: SpanRow) -> None:
        trace.is_dirty = True
        trace.last_us = max(trace.last_us, row.started_us + row.duration_us)
        if row.status == "error":
            trace.failed_spans += 1
        call = row.call
        if call is None:
            return
        sums = trace.sums
        if row.kind == "llm":
            sums[_rollups.LLM_CALLS] += 1
        if call.input_tokens is not None:
            sums[_rollups.INPUT] += call.input_tokens
            sums[_rollups.INPUT_KNOWN] += 1
        if call.output_tokens is not None:
            sums[_rollups.OUTPUT] += call.output_tokens
            sums[_rollups.OUTPUT_KNOWN] += 1
        cost = call.cost_nano
        if cost is None:
            sums[_rollups.UNPRICED] += 1
        else:
            sums[_rollups.COST] += cost
            sums[_rollups.COST_KNOWN] += 1
        if call.request_model is not None or call.response_model is not None:
            names = (call.request_model or "", call.response_model or "")
            added = (1, int(row.status == "error"), cost or 0, int(cost is not None))
            self.models[names].append((trace, added))
        if call.response_id is not None:
            self.response_ids.append(call.response_id)
        if call.input_preview is not None or call.output_preview is not None:
            self.previews.append((trace, row.started_us, call.input_preview, call.output_preview))

    def _annotate(self, row: AnnotationRow) -> None:
        self.annotations.append(row)

    def _own(self, what: SessionState | TraceState, user: str | None, strength: int) -> None:
        if user is not None:
            what.own(self.working_set.user(user), max(strength, STRENGTH_ADOPTED))

    def _merge(self, session: SessionState, metadata: str | None) -> None:
        if metadata is None:
            return
        merged = json_object(session.metadata) | json_object(metadata)
        session.metadata = _encode(merged).decode()
        session.texts_are_dirty = True


_APPLY: dict[type, Callable[[Batch, Any], object]] = {
    OpenSession: Batch._open_session,
    EndSession: Batch._end_session,
    UpdateSession: Batch._update_session,
    IdentifyUser: Batch._identify_user,
    MoveTrace: Batch._move_trace,
    TraceRow: Batch._trace,
    SpanDraft: Batch._span,
    AnnotationRow: Batch._annotate,
}
