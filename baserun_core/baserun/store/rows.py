"""What a store takes: one row for each thing that happened, ready to be written.

The writer's thread makes these out of captured records (`baserun._prepare`): users are already pseudonymous, content is
already redacted and encoded. A store only has to put them where they belong. Times are integer microseconds since the
Unix epoch (UTC), durations integer microseconds, money integer nano-dollars, content JSON text.
"""

from __future__ import annotations

from typing import Any

import msgspec

from baserun._identity import STRENGTH_NONE


class OpenSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session was started or resumed.

    The first one with an id makes the session; a later one is a resume: it re-opens an ended session, fills a user that
    is missing or weaker, and never changes an owner of the same or a greater strength.
    """

    id: str
    at_us: int
    user_identifier: str | None = None
    user_strength: int = STRENGTH_NONE
    previous_id: str | None = None
    metadata: str | None = None
    """A JSON object; its keys replace those of the same name that the session already has."""


class EndSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A session was ended; an end is a pause, and a later `OpenSession` re-opens it."""

    id: str
    at_us: int
    metadata: str | None = None
    is_from_outside: bool = False
    """Somebody ended it who only reads: nothing happened in it, and when it was last active stays as it was."""


class UpdateSession(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something about a session became known: its metadata (merged key by key)."""

    id: str
    at_us: int
    metadata: str


class IdentifyUser(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The user of a session became known, with this strength.

    Where that is stronger than what the session has, the session, those of its traces that carried the weaker user or
    none, and the roll-ups of both users move in one transaction.
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
    """A trace. With status ``running`` it only announces one whose end is still to come; the end completes the row.

    A row that arrives when a completed one with its id is already there changes nothing (a retried batch).
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


class SpanRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A finished span. ``trace`` announces the trace that it belongs to; of a span that is all of it, it is the end."""

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
    """What only an LLM or embedding call has."""


class CallRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The part of a span that only a call to a model has (DESIGN section 7). Unknown is None, never 0."""

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
    """What the person asked, at most 200 characters: the session's ``first_input`` comes from it."""
    output_preview: str | None = None
    """What the model answered, at most 200 characters: the session's ``last_output`` comes from it."""


class AnnotationRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something said about a session, trace or span; what it speaks of may arrive later, or never.

    A row whose id is already there changes nothing (a retried batch). Of feedback, which somebody may give again, the
    one with the latest time takes the place of others with its id, whichever arrives first.
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
    """A provider's response id: the call that has it gives the annotation its span, trace and session."""
    value: str | None = None
    """JSON: a log's message, a tag's value, a check's details."""
    score: float | None = None
    """Feedback: from 0 (bad) to 1 (good), where below 0.5 is negative. Check: 1 passed, 0 failed."""
    comment: str | None = None
    metadata: str | None = None


Row = OpenSession | EndSession | UpdateSession | IdentifyUser | MoveTrace | TraceRow | SpanRow | AnnotationRow
"""Everything that a store can be asked to write."""


def json_object(text: str | None) -> dict[str, Any]:
    """The object that a JSON column holds; an absent one is empty."""
    if text is None:
        return {}
    value: dict[str, Any] = msgspec.json.decode(text)
    return value
