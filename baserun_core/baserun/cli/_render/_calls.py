"""Rendering a call to a model as part of a conversation."""

from __future__ import annotations

from collections.abc import Iterator

from baserun.cli._render._lines import BAD, MODEL, PERSON, QUIET, WARN, Line, line
from baserun.cli._render._view import View
from baserun.store import StoredCall, StoredError, StoredSpan
from baserun.wording.amounts import dollars, plural
from baserun.wording.calls import LLM, endings, error_in_words, has_failed, model_in_words
from baserun.wording.costs import why_unknown
from baserun.wording.history import History, earlier_in_words
from baserun.wording.messages import ASSISTANT, REASONING, SYSTEM, TOOL, USER, Message, ToolCall, answered, said
from baserun.wording.text import cut, facts, one_line
from baserun.wording.times import duration
from baserun.wording.tokens import tokens_in_words
from baserun.wording.values import UNRECORDED, arguments_in_words

_MOST_TEXT = 4_000
_MOST_QUIET = 160
"""Characters; ``--full`` shows all."""


def tell_call(call: StoredCall, history: History, view: View) -> Iterator[Line]:
    """Yield the new messages of the input, the output, and how the call ended."""
    if call.kind != LLM:
        yield line((one_line(f"{call.kind} {model_in_words(call)}"), QUIET), (f"  {call_facts(call)}", QUIET), indent=2)
        yield from _endings(call, indent=4)
        return
    yield from _asked(call, history, view)
    yield line(("assistant", MODEL), (f"  {facts(model_in_words(call), call_facts(call))}", QUIET), indent=2)
    yield from _answered(call, history, view)
    yield from _endings(call, indent=4)


def call_facts(call: StoredCall) -> str:
    """Return latency, time to first token, tokens, cost and retries on one line."""
    first = call.time_to_first_token_ms
    return facts(
        duration(call.duration_ms) if call.duration_ms is not None else "still running",
        f"first token {duration(first)}" if first is not None else None,
        tokens_in_words(call.usage) or "tokens unknown",
        "cost unknown" if call.cost_usd is None else dollars(call.cost_usd),
        plural(call.retries, "retry", "retries") if call.retries else None,
    )


def failed(error: StoredError | None, indent: int) -> Line:
    """Return the line of an error."""
    words = "failed" if error is None else f"failed: {cut(error_in_words(error), _MOST_TEXT)}"
    return line((words, BAD), indent=indent)


def tell_tool(span: StoredSpan, view: View) -> Iterator[Line]:
    """Yield the run of a tool as a dim line, and its error if it failed."""
    given = arguments_in_words(span.input)
    words = f"ran {span.name}" + (f"({_quiet(given, view)})" if given else "")
    yield line((f"{words}  {duration(span.duration_ms)}", QUIET), indent=4)
    if span.status == "error":
        yield failed(span.error, indent=4)


def _asked(call: StoredCall, history: History, view: View) -> Iterator[Line]:
    messages = said(call.input, USER)
    unknown, new = history.new(messages)
    if view.is_full:
        unknown, new = 0, messages
    if unknown:
        yield line((f"… {earlier_in_words(unknown)} (--full shows them)", QUIET))
    for message in new:
        yield from _tell(message, view, indent=0)


def _answered(call: StoredCall, history: History, view: View) -> Iterator[Line]:
    messages = answered(call)
    for message in messages:
        yield from _tell(message, view, indent=2)
    history.told(messages)
    if call.input is None and call.output is None:
        yield line((UNRECORDED, QUIET), indent=4)


def _tell(message: Message, view: View, indent: int) -> Iterator[Line]:
    text = message.text.strip()
    if text and message.role in (SYSTEM, REASONING, TOOL):
        sign = "← " if message.role == TOOL else f"{message.role}: "
        yield line((sign + _quiet(text, view), QUIET), indent=indent if message.role == SYSTEM else 4)
    elif text:
        if message.role != ASSISTANT:
            yield line((message.role, PERSON), indent=indent)
        elif indent == 0:  # an earlier answer, sent by the application as input
            yield line((ASSISTANT, MODEL), indent=2)
        yield line(_limited(text, view), indent=4 if message.role == ASSISTANT else indent + 2)
    for asked in message.tool_calls:
        yield _tool_line(asked, view, indent=4)


def _tool_line(asked: ToolCall, view: View, indent: int) -> Line:
    return line((f"→ {asked.name}({_quiet(asked.arguments, view)})", QUIET), indent=indent)


def _endings(call: StoredCall, indent: int) -> Iterator[Line]:
    yield from (line((ending, WARN), indent=indent) for ending in endings(call))
    if has_failed(call):
        yield failed(call.error, indent=indent)
    elif call.cost_usd is None and not any(endings(call)):  # an ending implies it
        yield line((f"cost unknown: {why_unknown(call)}", QUIET), indent=indent)


def _quiet(text: str, view: View) -> str:
    return one_line(text, None if view.is_full else _MOST_QUIET)


def _limited(text: str, view: View) -> str:
    if view.is_full or len(text) <= _MOST_TEXT:
        return text
    return f"{cut(text, _MOST_TEXT)}\n[{len(text) - _MOST_TEXT:,} more characters; --full shows them]"
