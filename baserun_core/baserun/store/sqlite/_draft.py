"""Preparing a batch as far as that does not depend on the store.

It is done before the lock is taken, while other processes write, so that the lock is held for less time.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from baserun.store.rows import AnnotationRow, CallRow, IdentifyUser, MoveTrace, Row, SpanRow, TraceRow
from baserun.store.sqlite._sql import Insert, blob

_SPAN = ("id", "trace_id", "span", "kind", "name", "started_us", "duration_us", "status", "is_call")
_NULLABLE = ("parent", "error_type", "error_status")
_CALL = (
    "provider", "operation", "request_model", "response_model", "response_id", "response_hash", "request_id", "stream",
    "stream_end", "retries", "finish_reasons", "input_tokens", "output_tokens", "cached_input_tokens",
    "cache_write_tokens", "reasoning_tokens", "cost_nano", "time_to_first_token_us", "end_user", "input_preview",
    "output_preview",
)  # fmt: skip
_CONTENT = ("input", "output", "parameters", "tool_calls", "error_message", "error_body", "metadata")

_INSERT_SPAN = Insert("spans", _SPAN, _NULLABLE)
_INSERT_CALL = Insert("spans", _SPAN, _NULLABLE + _CALL)
_INSERT_CONTENT = Insert("contents", ("id",), _CONTENT)

_NO_CALL = CallRow()


class Draft:
    """The rows of one transaction, in their order, and the traces, sessions and users that they name.

    Raises:
        ValueError: A row has an invalid id.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.keys: dict[str, bytes] = {}
        """The ids of the named traces, and the same as bytes."""
        self.sessions: set[str] = set()
        self.users: set[str] = set()
        self.steps: list[Row | SpanDraft] = []
        last: Any = None
        for row in rows:
            kind = type(row)
            place = row.trace if kind is SpanRow else row  # type: ignore[union-attr]
            if place is not last and kind is not AnnotationRow:  # consecutive spans share the row of their trace
                self._collect(place)
                last = place
            self.steps.append(_span(row) if kind is SpanRow else row)  # type: ignore[arg-type]

    def _collect(self, place: Any) -> None:
        if isinstance(place, TraceRow):
            trace, session = place.id, place.session_id
        elif isinstance(place, MoveTrace):
            trace, session = place.trace_id, place.session_id
        elif isinstance(place, IdentifyUser):
            trace, session = None, place.session_id
        else:
            trace, session = None, place.id
        if trace is not None and trace not in self.keys:
            self.keys[trace] = _key(trace, 16)
        if session is not None:
            self.sessions.add(session)
        user = getattr(place, "user_identifier", None)
        if user is not None:
            self.users.add(user)


class SpanDraft(msgspec.Struct, gc=False):
    """A span as it will be written, except for its first columns: the row ids of the span and its trace."""

    row: SpanRow
    key: bytes
    insert: str
    values: tuple[Any, ...]
    insert_content: str
    content: tuple[Any, ...]


def _key(text: str, size: int) -> bytes:
    """Decode an id of `size` bytes from its hexadecimal digits."""
    key = bytes.fromhex(text)
    if len(key) != size:
        raise ValueError(f"an id of {size * 2} hexadecimal digits was expected, not {text[:80]!r}")
    return key


def hash_response(response_id: str) -> int:
    """Return a short hash of a response id, for the index."""
    return zlib.crc32(response_id.encode())


def _span(row: SpanRow) -> SpanDraft:
    call = row.call
    key = _key(row.id, 8)
    parent = None if row.parent_id is None else blob(_key(row.parent_id, 8))
    nullable = (parent, row.error_type, row.error_status_code)
    insert, others = _INSERT_SPAN.of(nullable) if call is None else _INSERT_CALL.of(nullable + _call_columns(call))
    values = (
        blob(key), row.kind, row.name, row.started_us, row.duration_us, row.status, int(call is not None), *others,
    )  # fmt: skip
    told = call or _NO_CALL
    insert_content, content = _INSERT_CONTENT.of(
        (row.input, row.output, told.parameters, told.tool_calls, row.error_message, row.error_body, row.metadata)
    )
    return SpanDraft(row, key, insert, values, insert_content, content)


def _call_columns(call: CallRow) -> tuple[Any, ...]:
    stream = None if call.stream is None else int(call.stream)
    response_hash = None if call.response_id is None else hash_response(call.response_id)
    return (
        call.provider, call.operation, call.request_model, call.response_model, call.response_id, response_hash,
        call.request_id, stream, call.stream_end, call.retries, call.finish_reasons, call.input_tokens,
        call.output_tokens, call.cached_input_tokens, call.cache_write_tokens, call.reasoning_tokens, call.cost_nano,
        call.time_to_first_token_us, call.end_user, call.input_preview, call.output_preview,
    )  # fmt: skip
