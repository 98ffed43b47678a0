"""A session as a conversation: turns, the messages and tool calls of each, and pauses between them. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from baserun.store import StoredAnnotation, StoredCall, StoredError, StoredSpan, StoredTrace
from baserun.wording.calls import LLM, endings, error_in_words, error_key, has_failed, model_in_words
from baserun.wording.history import History, earlier_in_words
from baserun.wording.messages import REASONING, SYSTEM, TOOL, USER, Message, answered, said
from baserun.wording.notes import note_in_words
from baserun.wording.order import in_order, told_at, with_pauses
from baserun.wording.statuses import status_in_words
from baserun.wording.values import UNRECORDED, arguments_in_words, compact, value_in_words

MOST_NOTES = 100
"""Annotations of one session, trace or span that are shown outside of the conversation."""
STATUS_MARKS = {"running": "note", "cancelled": "warn", "abandoned": "warn"}
"""The statuses that end a turn with a line, and the kind of it; an error has a line of its own."""


@dataclass
class Said:
    """A message."""

    role: str
    text: str
    kind: str = "said"


@dataclass
class Tool:
    """A tool call that the model asked for, or a tool that ran, with what is known of its outcome."""

    name: str
    arguments: str
    id: str | None = None
    result: str | None = None
    duration_ms: float | None = None
    error: str | None = None
    has_run: bool = False
    kind: str = "tool"


@dataclass
class Mark:
    """A line about an event: an error, a warning, a note, a log, a check, feedback."""

    kind: str
    words: str
    detail: str | None = None


@dataclass(frozen=True)
class Notes:
    """Annotations beside the conversation."""

    shown: list[Mark]
    left_out: int
    """How many more there are."""


@dataclass
class CallFacts:
    """A call, as the margin of the page shows it."""

    span_id: str
    kind: str
    model: str
    call: StoredCall


@dataclass
class Turn:
    """One trace of the session."""

    trace: StoredTrace
    pause: timedelta | None
    """The time since the turns before, if that is long enough to be shown."""
    items: list[Said | Tool | Mark] = field(default_factory=list)
    calls: list[CallFacts] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        """The time that the turn is sorted by."""
        return told_at(self.trace)

    @property
    def texts(self) -> int:
        """The number of messages and tool calls, whose texts share the room of a page."""
        return sum(1 for item in self.items if isinstance(item, (Said, Tool)))


def turns(traces: Iterable[StoredTrace]) -> list[Turn]:
    """Turn the traces of a session into turns, the earliest first."""
    teller = _Teller()
    return [teller.tell(trace, pause) for trace, pause in with_pauses(traces)]


def mark_of(note: StoredAnnotation) -> Mark | None:
    """Return the line for an annotation; None for a tag, which is shown elsewhere."""
    told = note_in_words(note)
    if told is None:
        return None
    return Mark("note" if told.is_good is None else "good" if told.is_good else "bad", told.words, told.detail)


def notes_of(annotations: Iterable[StoredAnnotation]) -> Notes:
    """Return the lines for annotations, as far as they are shown: feedback and checks before logs."""
    told = [(note.type == "log", mark) for note in annotations if (mark := mark_of(note)) is not None]
    places = sorted(range(len(told)), key=lambda at: told[at][0])[:MOST_NOTES]
    return Notes([told[at][1] for at in sorted(places)], len(told) - len(places))


class _Teller:
    """Makes the turns of one session, and remembers which messages and errors are already shown."""

    def __init__(self) -> None:
        self._history = History()
        self._open_tools: list[Tool] = []
        self._turn: Turn
        self._errors: set[tuple[str, str | None]]

    def tell(self, trace: StoredTrace, pause: timedelta | None) -> Turn:
        """Return the next trace as a turn."""
        self._turn, self._errors = Turn(trace, pause), set()
        self._history.next_trace()
        for happened in in_order(trace):
            if isinstance(happened, StoredAnnotation):
                self._add(mark_of(happened))
            elif isinstance(happened, StoredCall):
                self._call(happened)
            else:
                self._span(happened)
        self._end(trace)
        return self._turn

    def _add(self, item: Said | Tool | Mark | None) -> None:
        if item is not None:
            self._turn.items.append(item)

    def _call(self, call: StoredCall) -> None:
        self._turn.calls.append(CallFacts(call.id, call.kind, model_in_words(call), call))
        if call.kind == LLM:
            self._asked(call)
            self._answered(call)
        else:
            self._add(Mark("note", f"{call.kind} by {model_in_words(call)}"))
        for ending in endings(call):
            self._add(Mark("warn", ending))
        if has_failed(call):
            self._failed(call.error)

    def _asked(self, call: StoredCall) -> None:
        unknown, new = self._history.new(said(call.input, USER))
        if unknown:
            self._add(Mark("note", earlier_in_words(unknown)))
        for message in new:
            self._message(message)

    def _answered(self, call: StoredCall) -> None:
        messages = answered(call)
        for message in messages:
            self._message(message)
        self._history.told(messages)
        if call.input is None and call.output is None:
            self._add(Mark("note", UNRECORDED))

    def _message(self, message: Message) -> None:
        text = message.text.strip()
        if message.role == TOOL:
            self._result(message.answers, text)
        elif text:
            kind = "quiet" if message.role in (SYSTEM, REASONING) else "said"
            self._add(Said(message.role, text, kind))
        for asked in message.tool_calls:
            self._ask_tool(Tool(asked.name, asked.arguments, asked.id))

    def _ask_tool(self, tool: Tool) -> None:
        self._add(tool)
        self._open_tools.append(tool)

    def _result(self, answers: str | None, text: str) -> None:
        """Add a result to the tool call that it names; one without an id to the first without a result."""
        for tool in self._open_tools:
            if tool.result is None and (answers is None or tool.id == answers):
                tool.result = text
                self._open_tools.remove(tool)
                return
        self._add(Said(TOOL, text, "quiet"))

    def _span(self, span: StoredSpan) -> None:
        if span.kind == "tool":
            self._ran(span)
        elif span.status == "error" and span.error is not None:
            self._failed(span.error, f"{span.kind} {span.name}")

    def _ran(self, span: StoredSpan) -> None:
        tool = next((each for each in self._open_tools if each.name == span.name and not each.has_run), None)
        if tool is None:
            tool = Tool(span.name, arguments_in_words(span.input), result=_result_text(span.output))
            self._add(tool)
        tool.has_run, tool.duration_ms = True, span.duration_ms
        if span.error is not None:
            tool.error = error_in_words(span.error)
            self._errors.add(error_key(span.error))

    def _failed(self, error: StoredError | None, where: str | None = None) -> None:
        key = None if error is None else error_key(error)
        if key is not None and key in self._errors and where is not None:
            return
        if key is not None:
            self._errors.add(key)
        self._add(Mark("error", "failed" if error is None else error_in_words(error), where))

    def _end(self, trace: StoredTrace) -> None:
        if trace.error is not None and error_key(trace.error) not in self._errors:
            self._failed(trace.error)
        if trace.result is not None:
            self._add(Mark("note", "result", value_in_words(trace.result)))
        is_told = any(facts.call.status == trace.status for facts in self._turn.calls)
        words, kind = status_in_words(trace.status), STATUS_MARKS.get(trace.status)
        if words is not None and kind is not None and not is_told:
            self._add(Mark(kind, words))


def _result_text(output: object) -> str | None:
    return output if isinstance(output, str) or output is None else compact(output)
