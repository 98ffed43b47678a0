"""Making rows from records: the one place for pseudonyms, redaction, encoding and prices.

Runs on the writer's thread. One record becomes one row.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from baserun._calls import CallDetails, CallSource, Usage
from baserun._config import Config
from baserun._content import ContentEncoder, clean_text
from baserun._guard import report
from baserun._identity import STRENGTH_NONE, pseudonym
from baserun._model import ERROR, RUNNING, Session, Span, Trace
from baserun._prices import cost_nano
from baserun._records import (
    AnnotationAdded,
    Record,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    TraceMoved,
    UserIdentified,
)
from baserun._redact import mask_secrets
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
)

MOST_PREVIEW = 180
"""Characters of a preview of input or output, as lists show it."""
MOST_NAME = 500
KNOWN_NAMES = 1000
"""Size of the cache of stored names: the same few names recur."""
MOST_MESSAGE = 10_000


class Preparer:
    """Makes rows from records, by one configuration."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._encoder = ContentEncoder(mask_secrets if config.redact == "default" else config.redact)  # type: ignore[arg-type]
        self._json = self._encoder.json
        self._text = self._encoder.text
        self._environment = self._label(config.environment)
        # The application's own function may return something else for the same name later, so it is not cached.
        is_repeatable = config.redact is None or config.redact == "default"
        self._announcing: tuple[Any, ...] = ()
        self._announcement: TraceRow | None = None
        self._stored_name = lru_cache(KNOWN_NAMES)(self._new_name) if is_repeatable else self._new_name

    def read(self, record: Record) -> CallDetails | None:
        """Read the details of a call; None if `record` is not a call."""
        if isinstance(record, Span) and record.source is not None:
            return self._details(record.source)
        return None

    def __call__(self, record: Record, details: CallDetails | None = None) -> Row:
        """Make the row of `record`.

        Args:
            details: What `read` returned for it, if that was called before.
        """
        if isinstance(record, Span):
            return self._span(record, details or self.read(record))
        if isinstance(record, Trace):
            return self._trace(record, None)
        if isinstance(record, AnnotationAdded):
            return self._annotation(record)
        return self._session(record)

    def _user(self, user_identifier: str | None) -> str | None:
        return None if user_identifier is None else pseudonym(user_identifier, self._config.user_key)

    def _session(self, record: Any) -> Row:
        if isinstance(record, SessionOpened):
            session = record.session
            return OpenSession(
                id=session.id,
                at_us=record.at_us,
                user_identifier=self._user(record.user_identifier),
                user_strength=record.user_strength,
                previous_id=session.previous_id,
                metadata=self._json(record.metadata, "metadata"),
            )
        if isinstance(record, SessionEnded):
            return EndSession(
                id=record.session_id, at_us=record.at_us, metadata=self._json(record.metadata, "metadata")
            )
        if isinstance(record, SessionUpdated):
            metadata = self._json(record.metadata, "metadata") or "{}"
            return UpdateSession(id=record.session_id, at_us=record.at_us, metadata=metadata)
        if isinstance(record, UserIdentified):
            return IdentifyUser(
                session_id=record.session_id,
                at_us=record.at_us,
                user_identifier=pseudonym(record.user_identifier, self._config.user_key),
                user_strength=record.user_strength,
            )
        if isinstance(record, TraceMoved):
            user, strength = self._owner(record.session)
            return MoveTrace(
                trace_id=record.trace.id,
                session_id=record.session.id,
                at_us=record.at_us,
                user_identifier=user,
                user_strength=strength,
            )
        raise TypeError(f"no row for {type(record).__name__}")

    def _owner(self, session: Session | None) -> tuple[str | None, int]:
        if session is None:
            return None, STRENGTH_NONE
        return self._user(session.user_identifier), session.user_strength

    def _announced(self, trace: Trace) -> TraceRow:
        """Return the row that announces the trace as running; consecutive spans of the trace share it."""
        user, strength = self._owner(trace.session)
        what = (trace.id, trace.session_id, user, strength, trace.name)
        if self._announcement is None or what != self._announcing:
            self._announcing = what
            self._announcement = TraceRow(
                id=trace.id,
                session_id=trace.session_id,
                started_us=trace.started_us,
                name=self._name(trace.name),
                kind=self._label(trace.kind),
                status=RUNNING,
                user_identifier=user,
                user_strength=strength,
                environment=self._environment,
            )
        return self._announcement

    def _trace(self, trace: Trace, told: tuple[str, str | None] | None) -> TraceRow:
        user, strength = self._owner(trace.session)
        metadata, tags, result = trace.recorded or (None, None, None)
        status, error = _outcome(trace, told)
        error_type, error_message = error or (None, None)
        keep = self._config.capture_content and not trace.contentless
        return TraceRow(
            id=trace.id,
            session_id=trace.session_id,
            started_us=trace.started_us,
            name=self._name(trace.name),
            kind=self._label(trace.kind),
            status=status,
            user_identifier=user,
            user_strength=strength,
            environment=self._environment,
            duration_us=trace.duration_us,
            error_type=self._label(error_type),
            error_message=self._message(error_message) if keep else None,
            result=self._json(result, "result"),
            metadata=self._json(metadata, "metadata"),
            tags=self._json(tags, "tags"),
        )

    def _span(self, span: Span, details: CallDetails | None) -> SpanRow:
        metadata, given, result = span.recorded or (None, None, None)
        told = None if details is None else details.error
        status, error = _outcome(span, told)
        error_type, error_message = error or (None, None)
        keep = self._config.capture_content and not span.contentless
        call = None
        status_code = error_body = None
        if details is not None:
            given, result = (details.input, details.output) if keep else (None, None)
            call = self._call(details, keep)
            status_code = details.error_status_code
            error_body = self._json(details.error_body, "error.body") if keep else None
        return SpanRow(
            span.id,
            self._trace(span.trace, told) if span.whole_trace else self._announced(span.trace),
            span.parent_id,
            self._label(span.kind),
            self._name(span.name),
            span.started_us,
            span.duration_us or 0,
            status,
            error_type=self._label(error_type),
            error_message=self._message(error_message) if keep else None,
            error_status_code=status_code,
            error_body=error_body,
            metadata=self._json(metadata, "metadata"),
            input=self._json(given, "input"),
            output=self._json(result, "output"),
            call=call,
        )

    def _details(self, source: CallSource) -> CallDetails:
        try:
            return source.describe()
        except Exception as error:
            report("reading the details of a call", error)
            return CallDetails()

    def _call(self, details: CallDetails, keep: bool) -> CallRow:
        usage = details.usage or Usage()
        # By position: of so many keyword arguments Python makes a dict first. Each value has the name of its field.
        return CallRow(
            details.provider,
            details.operation,
            self._label(details.request_model),
            self._label(details.response_model),
            self._label(details.response_id),
            self._label(details.request_id),
            details.stream,
            details.stream_end,
            details.retries,
            self._json(details.parameters, "parameters") if keep else None,
            self._json(details.tool_calls, "tool_calls") if keep else None,
            self._json(details.finish_reasons, "finish_reasons"),
            usage.input_tokens,
            usage.output_tokens,
            usage.cached_input_tokens,
            usage.cache_write_tokens,
            usage.reasoning_tokens,
            self._cost(details),
            details.time_to_first_token_us,
            self._user(details.end_user),
            self._text(details.input_preview, "input", MOST_PREVIEW) if keep else None,
            self._text(details.output_preview, "output", MOST_PREVIEW) if keep else None,
        )

    def _cost(self, details: CallDetails) -> int | None:
        try:
            return cost_nano(details)
        except Exception as error:
            report("pricing a call", error)
            return None

    def _annotation(self, record: AnnotationAdded) -> AnnotationRow:
        return AnnotationRow(
            id=record.id,
            created_us=record.at_us,
            type=record.type,
            name=self._name(record.name),
            session_id=record.session_id,
            trace_id=record.trace_id,
            span_id=record.span_id,
            completion_id=self._label(record.completion_id),
            value=self._json(record.value, "value"),
            score=record.score,
            comment=self._text(record.comment, "comment", MOST_MESSAGE),
            metadata=self._json(record.metadata, "metadata"),
        )

    def _name(self, name: Any) -> Any:
        if name is None:
            return None
        return self._stored_name(name) if type(name) is str and len(name) <= MOST_NAME else self._new_name(name)

    def _new_name(self, name: Any) -> Any:
        return self._text(name, "name", MOST_NAME)

    def _label(self, text: Any) -> Any:
        """Clean and cut an identifier or a word such as a kind: it is not content, so it is not redacted."""
        if text is None:
            return None
        if isinstance(text, str):
            return clean_text(text)[:MOST_NAME]
        return self._name(text)  # a provider may send any JSON where an id belongs

    def _message(self, text: str | None) -> str | None:
        """Redact and cut the message of an error: errors quote values, so it is content."""
        return None if text is None else self._text(text, "error.message", MOST_MESSAGE)


def _outcome(ended: Span | Trace, told: tuple[str, str | None] | None) -> tuple[str, tuple[str, str | None] | None]:
    """Return status and error; a failure `told` by the provider's answer counts unless the code raised an error."""
    if told is None or ended.status == ERROR:
        return ended.status, ended.error
    return ERROR, told
