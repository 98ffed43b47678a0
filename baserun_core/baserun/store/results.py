"""The values that reading a store returns; `to_dict` gives each as JSON, with the same names of fields.

Times are aware `datetime` in UTC, durations milliseconds, money `decimal.Decimal` dollars. Unknown is None, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What every result can do."""

    def to_dict(self) -> dict[str, Any]:
        """Return the value as JSON-ready builtins: ISO 8601 UTC times with microseconds, dollars as numbers."""
        from baserun.store._json import to_builtins

        value: dict[str, Any] = to_builtins(self)
        return value


class StoredError(Result, frozen=True, kw_only=True):
    """The error of a trace or span: type and message of the exception."""

    type: str
    message: str | None
    status_code: int | None = None
    body: Any = None


class StoredAnnotation(Result, frozen=True, kw_only=True):
    """A log, tag, feedback or check."""

    id: str
    session_id: str | None
    trace_id: str | None
    span_id: str | None
    type: str
    name: str | None
    value: Any
    score: float | None
    comment: str | None
    metadata: dict[str, Any] | None
    created_at: datetime


class StoredUsage(Result, frozen=True, kw_only=True):
    """The tokens of one call as its provider counted them; cached and written ones are part of the input."""

    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None


class StoredSpan(Result, frozen=True, kw_only=True):
    """A timed part of a trace."""

    id: str
    trace_id: str
    parent_id: str | None
    kind: str
    name: str
    started_at: datetime
    duration_ms: float | None
    status: str
    error: StoredError | None
    metadata: dict[str, Any] | None
    input: Any = None
    output: Any = None


class StoredCall(StoredSpan, frozen=True, kw_only=True):
    """A span that is a call to a model."""

    provider: str | None
    operation: str | None
    request_model: str | None
    response_model: str | None
    response_id: str | None
    request_id: str | None
    stream: bool | None
    stream_end: str | None
    retries: int | None
    parameters: dict[str, Any] | None
    tool_calls: list[dict[str, Any]] | None
    finish_reasons: list[str] | None
    usage: StoredUsage | None
    cost_usd: Decimal | None
    time_to_first_token_ms: float | None
    end_user: str | None


class StoredTrace(Result, frozen=True, kw_only=True):
    """One unit of work. In a list ``spans`` and ``annotations`` are None and the counts say how many there are."""

    id: str
    session_id: str | None
    user_identifier: str | None
    name: str
    kind: str
    environment: str | None
    tags: dict[str, Any]
    started_at: datetime
    duration_ms: float | None
    status: str
    error: StoredError | None
    result: Any
    metadata: dict[str, Any] | None
    llm_calls: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    unpriced_calls: int
    """Calls of any kind whose cost is unknown: `cost_usd` leaves them out."""
    spans: list[StoredSpan] | None = None
    annotations: list[StoredAnnotation] | None = None


class StoredSession(Result, frozen=True, kw_only=True):
    """A session with its roll-ups. In a list ``traces`` is their number, in one session it is the list of them."""

    id: str
    user_identifier: str | None
    started_at: datetime
    last_active_at: datetime
    ended_at: datetime | None
    previous_id: str | None
    metadata: dict[str, Any] | None
    traces: int | list[StoredTrace]
    turns: int
    llm_calls: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    unpriced_calls: int
    """Calls of any kind whose cost is unknown: `cost_usd` leaves them out."""
    feedback_score: float | None
    first_input: str | None
    last_output: str | None
    annotations: list[StoredAnnotation] | None = None
    """Annotations of the session as a whole; None in a list."""


class StoredUser(Result, frozen=True, kw_only=True):
    """An end user with the roll-ups over their sessions and traces."""

    user_identifier: str
    first_seen_at: datetime
    last_seen_at: datetime
    sessions: int
    traces: int
    llm_calls: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    unpriced_calls: int
    """Calls of any kind whose cost is unknown: `cost_usd` leaves them out."""
    feedback_score: float | None


class SearchHit(Result, frozen=True, kw_only=True):
    """A call whose content matches a search."""

    session_id: str | None
    trace_id: str
    span_id: str
    user_identifier: str | None
    started_at: datetime
    snippet: str


class ErasureReceipt(Result, frozen=True, kw_only=True):
    """What the erasure of a user removed."""

    user_identifier: str
    erased_at: datetime
    sessions: int
    traces: int
    spans: int
    annotations: int


class PruneReceipt(Result, frozen=True, kw_only=True):
    """What pruning removed: whole sessions with all that was in them, or only content.

    Then `traces`, `spans` and `annotations` are those whose content went, not they themselves.
    """

    before: datetime
    sessions: int
    traces: int
    spans: int
    annotations: int
    contents: int
    """Spans whose content went, while they stayed."""


class StoreInfo(Result, frozen=True, kw_only=True):
    """The state of a store, for `baserun doctor`."""

    path: str
    exists: bool
    size_bytes: int
    wal_bytes: int
    schema_version: int | None
    newest_schema_version: int
    journal_mode: str | None
    sqlite_version: str
    has_wal_reset_defect: bool
    """SQLite 3.7.0 to 3.51.2, but for 3.44.6 and 3.50.7, can break a file when a commit meets a checkpoint."""
    users: int
    sessions: int
    traces: int
    spans: int
    annotations: int
    traces_without_session: int
    """Traces with calls to models that belong to no session."""
    unindexed_spans: int
    """Spans that the search index does not have yet."""
    problems: list[str]
    """What SQLite's own quick check found; empty when the file is sound."""


class Page(Result, Generic[T], frozen=True, kw_only=True):
    """One page of a list; ``next`` asks for the page after it."""

    items: list[T]
    next: str | None = None
    """Pass it as ``after=`` for the following page; None when this is the last."""

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
