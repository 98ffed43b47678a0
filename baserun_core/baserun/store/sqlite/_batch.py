"""Applying rows to a working set, one after the other, in the order in which they happened."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec

from baserun._identity import STRENGTH_ADOPTED, STRENGTH_NONE
from baserun.store.rows import (
    AnnotationRow,
    CallRow,
    EndSession,
    IdentifyUser,
    MoveTrace,
    OpenSession,
    Row,
    SpanRow,
    TraceRow,
    UpdateSession,
    json_object,
)
from baserun.store.sqlite import _rollups
from baserun.store.sqlite._hours import HOUR_US
from baserun.store.sqlite._sql import blob, select_in
from baserun.store.sqlite._state import SessionState, TraceState
from baserun.store.sqlite._working_set import WorkingSet

_NO_CALL = CallRow()
_encode = msgspec.json.encode


class Batch:
    """The rows of one transaction and what becomes of them.

    Args:
        connection: In that transaction.
        rows: In the order in which they happened.
        are_new: Whether to trust that each of the spans is new. Where one is not, writing it raises `IntegrityError`;
            without trust each is looked for, and those that are there are left out.
    """

    def __init__(self, connection: sqlite3.Connection, rows: Sequence[Row], *, are_new: bool) -> None:
        self.connection = connection
        self.working_set = WorkingSet(connection)
        self.spans: list[tuple[Any, ...]] = []
        self.contents: list[tuple[Any, ...]] = []
        self.previews: list[tuple[TraceState, int, str | None, str | None]] = []
        self.models: set[tuple[str, str, int]] = set()
        self.model_calls: list[tuple[Any, ...]] = []
        self.annotations: list[AnnotationRow] = []
        self.response_ids: list[str] = []
        self._are_new = are_new
        self._last_place: Any = None
        self._keys: dict[str, bytes] = {}
        self._met: set[tuple[int, bytes]] = set()
        self._pending_moves: dict[bytes, MoveTrace] = {}
        self._load(rows)
        self._apply(rows)

    def _load(self, rows: Sequence[Row]) -> None:
        users: set[str] = set()
        sessions: set[str] = set()
        for row in rows:
            self._collect(row, users, sessions)
        self._load_pending_moves(self._keys.values())
        for move in self._pending_moves.values():
            sessions.add(move.session_id)
            if move.user_identifier is not None:
                users.add(move.user_identifier)
        self.working_set.load(users, sessions, self._keys.values())

    def _collect(self, row: Row, users: set[str], sessions: set[str]) -> None:
        kind = type(row)
        if kind is AnnotationRow:
            return
        place: Any = row.trace if kind is SpanRow else row  # type: ignore[union-attr]
        if place is self._last_place:  # spans that follow one another share what announces their trace
            return
        self._last_place = place
        if kind is SpanRow or kind is TraceRow:
            trace, session = place.id, place.session_id
        elif kind is MoveTrace or kind is IdentifyUser:
            trace, session = getattr(place, "trace_id", None), place.session_id
        else:
            trace, session = None, place.id
        if trace is not None and trace not in self._keys:
            self._keys[trace] = _key(trace, 16)
        if session is not None:
            sessions.add(session)
        user = getattr(place, "user_identifier", None)
        if user is not None:
            users.add(user)

    def _load_pending_moves(self, traces: Collection[bytes]) -> None:
        if self.connection.execute("SELECT 1 FROM pending_moves LIMIT 1").fetchone() is None:
            return
        query = "SELECT trace, session, at_us, user_identifier, user_strength FROM pending_moves WHERE trace IN ({})"
        for key, session, at_us, user, strength in select_in(self.connection, query, traces):
            self._pending_moves[key] = MoveTrace(
                trace_id=key.hex(), session_id=session, at_us=at_us, user_identifier=user, user_strength=strength
            )

    def _apply(self, rows: Sequence[Row]) -> None:
        for row in rows:
            _APPLY[type(row)](self, row)

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
        trace.started_us = trace.last_us = row.started_us
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
            trace.error_type, trace.error_message = row.error_type, row.error_message
            trace.result, trace.metadata, trace.tags = row.result, row.metadata, row.tags

    def _span(self, row: SpanRow) -> None:
        key = _key(row.id, 8)
        trace = self._trace(row.trace)
        if not self._are_new and self._is_known(trace, key):
            return
        span_id = self.working_set.next_id("spans")
        self._count(trace, row)
        self._keep_span(span_id, key, trace, row)
        if row.input is not None or row.output is not None or _has_more_content(row):
            call = row.call or _NO_CALL
            self.contents.append(
                (span_id, row.input, row.output, call.parameters, call.tool_calls, row.error_message, row.error_body,
                 row.metadata)
            )  # fmt: skip

    def _is_known(self, trace: TraceState, key: bytes) -> bool:
        """Whether a span is stored, or was met before in this batch."""
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
        if call.cost_nano is not None:
            sums[_rollups.COST] += call.cost_nano
            sums[_rollups.COST_KNOWN] += row.kind == "llm"
        if call.request_model is not None or call.response_model is not None:
            names = (call.request_model or "", call.response_model or "")
            self.models.add((*names, trace.id))
            cost = call.cost_nano
            self.model_calls.append(
                (*names, trace.started_us // HOUR_US, 1, int(row.status == "error"), cost or 0, int(cost is not None))
            )
        if call.response_id is not None:
            self.response_ids.append(call.response_id)
        if call.input_preview is not None or call.output_preview is not None:
            self.previews.append((trace, row.started_us, call.input_preview, call.output_preview))

    def _keep_span(self, span_id: int, key: bytes, trace: TraceState, row: SpanRow) -> None:
        parent = None if row.parent_id is None else blob(_key(row.parent_id, 8))
        call = row.call
        span = (
            span_id, blob(key), trace.id, parent, row.kind, row.name, row.started_us, row.duration_us, row.status,
            row.error_type, row.error_status_code, int(call is not None),
        )  # fmt: skip
        self.spans.append(span if call is None else span + _call_columns(call))

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


def _call_columns(call: CallRow) -> tuple[Any, ...]:
    stream = None if call.stream is None else int(call.stream)
    response_hash = None if call.response_id is None else hash_response(call.response_id)
    return (
        call.provider, call.operation, call.request_model, call.response_model, call.response_id, response_hash,
        call.request_id, stream, call.stream_end, call.retries, call.finish_reasons, call.input_tokens,
        call.output_tokens, call.cached_input_tokens, call.cache_write_tokens, call.reasoning_tokens, call.cost_nano,
        call.time_to_first_token_us, call.end_user, call.input_preview, call.output_preview,
    )  # fmt: skip


def hash_response(response_id: str) -> int:
    """A short stand-in for a response id in the index."""
    return zlib.crc32(response_id.encode())


def _key(text: str, size: int) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != size:
        raise ValueError(f"an id of {size * 2} hexadecimal digits was expected, not {text[:80]!r}")
    return key


def _has_more_content(row: SpanRow) -> bool:
    call = row.call
    return (
        row.error_message is not None
        or row.error_body is not None
        or row.metadata is not None
        or (call is not None and (call.parameters is not None or call.tool_calls is not None))
    )


_APPLY: dict[type, Callable[[Batch, Any], object]] = {
    OpenSession: Batch._open_session,
    EndSession: Batch._end_session,
    UpdateSession: Batch._update_session,
    IdentifyUser: Batch._identify_user,
    MoveTrace: Batch._move_trace,
    TraceRow: Batch._trace,
    SpanRow: Batch._span,
    AnnotationRow: Batch._annotate,
}
