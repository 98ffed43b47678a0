"""The rows that a store is given to write, one for each record.

The writer's thread makes them from records (`baserun._prepare`): users are already pseudonymous, content is already
redacted and encoded. Times are integer microseconds since the Unix epoch (UTC), durations integer microseconds, money
integer nano-dollars, content JSON text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from baserun._identity import STRENGTH_NONE


class OpenSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session was started or resumed.

    The first row with an id creates the session; a later one resumes it: it re-opens an ended session, sets the user if
    that is missing or weaker, and never changes a user of the same or a greater strength.
    """

    id: str
    at_us: int
    user_identifier: str | None = None
    user_strength: int = STRENGTH_NONE
    previous_id: str | None = None
    metadata: str | None = None
    """A JSON object; its keys replace those that the session already has."""


class EndSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session was ended; an end is a pause, and a later `OpenSession` re-opens it."""

    id: str
    at_us: int
    metadata: str | None = None
    is_from_outside: bool = False
    """It was ended by `Store.end_session`, which is no activity: when it was last active stays as it was."""


class UpdateSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The metadata of a session was changed; it is merged key by key."""

    id: str
    at_us: int
    metadata: str


class IdentifyUser(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The user of a session became known, with this strength.

    If that is stronger than the session's, one transaction moves the session, its traces of the weaker user or none,
    and the roll-ups of both users.
    """

    session_id: str
    at_us: int
    user_identifier: str
    user_strength: int


class MoveTrace(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trace turned out to belong to another session; its spans, annotations and roll-ups move with it."""

    trace_id: str
    session_id: str
    at_us: int
    user_identifier: str | None = None
    user_strength: int = STRENGTH_NONE


class TraceRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A trace. With status ``running`` it has only begun; a second row with its end completes it.

    A row for a trace that is complete already, as from a retried batch, changes nothing.
    """

    id: str
    """32 hexadecimal digits (W3C trace-id)."""
    session_id: str | None
    started_us: int
    name: str
    kind: str
    status: str
    """``running``, ``ok``, ``error`` or ``cancelled``."""
    user_identifier: str | None = None
    user_strength: int = STRENGTH_NONE
    environment: str | None = None
    duration_us: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    result: str | None = None
    metadata: str | None = None
    tags: str | None = None
    """A JSON object of the trace's tags at its end."""


class SpanRow(msgspec.Struct, frozen=True, gc=False):
    """A finished span. ``trace`` is its trace: running, or complete where the span is all of it."""

    id: str
    """16 hexadecimal digits (W3C span-id)."""
    trace: TraceRow
    parent_id: str | None
    kind: str
    name: str
    started_us: int
    duration_us: int
    status: str
    error_type: str | None = None
    error_message: str | None = None
    error_status_code: int | None = None
    error_body: str | None = None
    metadata: str | None = None
    input: str | None = None
    output: str | None = None
    call: CallRow | None = None
    """The part that only an LLM or embedding call has."""


class CallRow(msgspec.Struct, frozen=True, gc=False):
    """The part of a span that only a call to a model has. Unknown is None, never 0."""

    provider: str | None = None
    operation: str | None = None
    request_model: str | None = None
    response_model: str | None = None
    response_id: str | None = None
    request_id: str | None = None
    stream: bool | None = None
    stream_end: str | None = None
    retries: int | None = None
    parameters: str | None = None
    tool_calls: str | None = None
    finish_reasons: str | None = None
    """A JSON array of strings."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_nano: int | None = None
    time_to_first_token_us: int | None = None
    end_user: str | None = None
    input_preview: str | None = None
    """The last user message, at most 200 characters; the session's ``first_input`` is taken from it."""
    output_preview: str | None = None
    """The answer, at most 200 characters; the session's ``last_output`` is taken from it."""


class AnnotationRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A log, tag, feedback or check; the session, trace or span that it belongs to may arrive later, or never.

    A row whose id is already stored changes nothing (a retried batch). Feedback can be changed: of rows with one id the
    latest by `created_us` replaces the others, in whatever order they arrive.
    """

    id: str
    created_us: int
    type: str
    """``log``, ``tag``, ``feedback`` or ``check``."""
    name: str | None
    session_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    completion_id: str | None = None
    """A provider's response id; the annotation gets the span, trace and session of the call that has it."""
    value: str | None = None
    """JSON: a log's message, a tag's value, a check's details."""
    score: float | None = None
    """Feedback: from 0 (bad) to 1 (good), where below 0.5 is negative. Check: 1 passed, 0 failed."""
    comment: str | None = None
    metadata: str | None = None


Row = OpenSession | EndSession | UpdateSession | IdentifyUser | MoveTrace | TraceRow | SpanRow | AnnotationRow
"""All rows that a store can write."""


def json_object(text: str | None) -> dict[str, Any]:
    """Decode the object in a JSON column; None gives an empty one."""
    if text is None:
        return {}
    value: dict[str, Any] = msgspec.json.decode(text)
    return value
