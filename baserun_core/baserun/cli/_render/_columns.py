"""The columns of lists, for a person and for a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from baserun.cli._render._lines import BAD, GOOD, QUIET, STATUS_STYLES
from baserun.store import SearchHit, StoredSession, StoredTrace, StoredUser
from baserun.store.filters import is_positive
from baserun.wording.amounts import count, plain_dollars, score_in_words, total
from baserun.wording.costs import brief_cost_of, is_counted
from baserun.wording.text import one_line, shortened
from baserun.wording.times import ago, duration, iso

Item = TypeVar("Item")
Cell = str | tuple[str, str]
"""A text, or a text and its style."""

NOTHING: Cell = ("–", QUIET)  # noqa: RUF001  (a dash as wide as a digit)
_MOST_PREVIEW = 300


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column. On a narrow screen those with the lowest `keep` are left out first."""

    title: str
    """The heading on a terminal; empty for a column that only programs get."""
    shown: Callable[[Item, datetime], Cell]
    field: str
    """The record's field, which is the heading in a pipe."""
    plain: Callable[[Item], str] | None = None
    """Makes the value for programs, if that is not simply the field's."""
    is_number: bool = False
    is_flexible: bool = False
    """The column takes the remaining width."""
    keep: int = 9

    def value(self, item: Item) -> str:
        """Return the value for a program."""
        return plain_value(getattr(item, self.field)) if self.plain is None else self.plain(item)


def plain_value(value: Any) -> str:
    """Return a field's value as text for a program; empty if it is unknown."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Decimal):
        return plain_dollars(value)
    return one_line(str(value))


def hidden(field: str) -> Column[Any]:
    """Make a column for programs only."""
    return Column("", lambda item, now: "", field, keep=0)


def _id(identifier: str | None) -> Cell:
    return NOTHING if identifier is None else shortened(identifier)


def _cost(item: Any) -> Cell:
    cost = brief_cost_of(item)
    return (cost, QUIET) if item.cost_usd is None and cost else cost or NOTHING


def _tokens(item: Any) -> Cell:
    tokens = total(item.input_tokens, item.output_tokens)
    if tokens is None:
        return ("unknown", QUIET) if is_counted(item) else NOTHING
    return count(tokens)


def _number(number: int) -> Cell:
    return count(number) if number else NOTHING


def _errors(item: Any) -> Cell:
    return (count(item.errors), BAD) if item.errors else NOTHING


def score(value: float | None) -> Cell:
    """Return the cell of a feedback score, from 0 to 1."""
    return NOTHING if value is None else (score_in_words(value), GOOD if is_positive(value) else BAD)


def _preview(text: str | None) -> Cell:
    return ("not recorded", QUIET) if text is None else one_line(text, _MOST_PREVIEW)


def _status(trace: StoredTrace) -> Cell:
    return trace.status, STATUS_STYLES.get(trace.status, QUIET)


def _error(trace: StoredTrace) -> Cell:
    return "" if trace.error is None else (one_line(trace.error.type, 60), BAD)


SESSIONS: tuple[Column[StoredSession], ...] = (
    Column("SESSION", lambda s, now: shortened(s.id), "id"),
    Column("USER", lambda s, now: _id(s.user_identifier), "user_identifier"),
    Column("ACTIVE", lambda s, now: (ago(s.last_active_at, now), QUIET), "last_active_at"),
    hidden("started_at"),
    hidden("ended_at"),
    Column("TRACES", lambda s, now: _number(s.traces), "traces", is_number=True, keep=2),  # type: ignore[arg-type]
    Column("TURNS", lambda s, now: _number(s.turns), "turns", is_number=True, keep=6),
    Column("CALLS", lambda s, now: _number(s.llm_calls), "llm_calls", is_number=True, keep=4),
    Column("ERRORS", lambda s, now: _errors(s), "errors", is_number=True, keep=7),
    Column("TOKENS", lambda s, now: _tokens(s), "input_tokens", is_number=True, keep=3),
    hidden("output_tokens"),
    Column("COST", lambda s, now: _cost(s), "cost_usd", is_number=True, keep=8),
    hidden("unpriced_calls"),
    Column("FEEDBACK", lambda s, now: score(s.feedback_score), "feedback_score", is_number=True, keep=1),
    Column("FIRST INPUT", lambda s, now: _preview(s.first_input), "first_input", is_flexible=True),
    hidden("last_output"),
)
USERS: tuple[Column[StoredUser], ...] = (
    Column("USER", lambda u, now: shortened(u.user_identifier, 17), "user_identifier"),
    Column("LAST SEEN", lambda u, now: (ago(u.last_seen_at, now), QUIET), "last_seen_at"),
    Column("FIRST SEEN", lambda u, now: (ago(u.first_seen_at, now), QUIET), "first_seen_at", keep=2),
    Column("SESSIONS", lambda u, now: _number(u.sessions), "sessions", is_number=True),
    Column("TRACES", lambda u, now: _number(u.traces), "traces", is_number=True, keep=3),
    Column("CALLS", lambda u, now: _number(u.llm_calls), "llm_calls", is_number=True, keep=4),
    Column("ERRORS", lambda u, now: _errors(u), "errors", is_number=True, keep=6),
    Column("TOKENS", lambda u, now: _tokens(u), "input_tokens", is_number=True, keep=5),
    hidden("output_tokens"),
    Column("COST", lambda u, now: _cost(u), "cost_usd", is_number=True, keep=7),
    hidden("unpriced_calls"),
    Column("FEEDBACK", lambda u, now: score(u.feedback_score), "feedback_score", is_number=True, keep=1),
)
TRACES: tuple[Column[StoredTrace], ...] = (
    Column("TRACE", lambda t, now: shortened(t.id), "id"),
    Column("SESSION", lambda t, now: _id(t.session_id), "session_id", keep=5),
    Column("USER", lambda t, now: _id(t.user_identifier), "user_identifier", keep=3),
    Column("STARTED", lambda t, now: (ago(t.started_at, now), QUIET), "started_at"),
    Column(
        "TOOK",
        lambda t, now: duration(t.duration_ms) if t.duration_ms is not None else NOTHING,
        "duration_ms",
        is_number=True,
    ),
    Column("STATUS", lambda t, now: _status(t), "status"),
    Column("KIND", lambda t, now: one_line(t.kind, 12), "kind", keep=2),
    Column("CALLS", lambda t, now: _number(t.llm_calls), "llm_calls", is_number=True, keep=4),
    hidden("errors"),
    Column("TOKENS", lambda t, now: _tokens(t), "input_tokens", is_number=True, keep=3),
    hidden("output_tokens"),
    Column("COST", lambda t, now: _cost(t), "cost_usd", is_number=True, keep=7),
    hidden("unpriced_calls"),
    hidden("environment"),
    Column("NAME", lambda t, now: one_line(t.name, _MOST_PREVIEW), "name", is_flexible=True),
    Column(
        "ERROR", lambda t, now: _error(t), "error", lambda t: "" if t.error is None else one_line(t.error.type), keep=1
    ),
)
HITS: tuple[Column[SearchHit], ...] = (
    Column("SESSION", lambda h, now: _id(h.session_id), "session_id"),
    Column("TRACE", lambda h, now: shortened(h.trace_id), "trace_id"),
    hidden("span_id"),
    Column("USER", lambda h, now: _id(h.user_identifier), "user_identifier", keep=4),
    Column("WHEN", lambda h, now: (ago(h.started_at, now), QUIET), "started_at"),
    Column("SAID", lambda h, now: one_line(h.snippet, _MOST_PREVIEW), "snippet", is_flexible=True),
)
