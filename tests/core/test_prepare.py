"""Preparing records for the store: redaction, limits, prices, and that one bad record harms no other."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest

import baserun
from baserun._current import recorder
from baserun.instrumentation import ERROR, Usage
from baserun.testing import Captured, capture
from recorded_calls import record_call

KEY = "sk-proj-" + "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"


def test_secrets_are_masked_everywhere(captured: Captured) -> None:
    """An API key in any field of any record is masked."""
    leaky = baserun.start_trace(f"name {KEY}", metadata={"a": KEY})
    with pytest.raises(ValueError, match="sk-proj"), baserun.with_session(metadata={"a": KEY}), leaky as trace:
        trace.result = [KEY]
        baserun.log(KEY, name=KEY, metadata={"a": KEY})
        baserun.tag("key", KEY)
        baserun.feedback("helpful", 1, comment=KEY)
        record_call(
            input=[{"content": KEY}],
            output=KEY,
            parameters={"user": KEY},
            tool_calls=[{"id": "1", "name": "x", "arguments": KEY}],
            input_preview=KEY,
            output_preview=KEY,
            error_body={"message": KEY},
        )
        raise ValueError(KEY)

    (session,) = captured.sessions
    assert KEY not in repr(session.to_dict())
    assert session.llm_calls == 1


def test_each_detail_keeps_its_name(captured: Captured) -> None:
    """All details of a call are stored, each as the field of its name."""
    texts: dict[str, Any] = {
        name: name for name in ("provider", "operation", "request_model", "response_model", "stream_end")
    }
    texts |= {name: name for name in ("response_id", "request_id", "end_user")}
    values: dict[str, Any] = {
        "stream": True, "retries": 6, "parameters": {"n": 7}, "tool_calls": [{"id": "8"}], "finish_reasons": ["9"],
        "input": ["asked"], "output": ["answered"],
    }  # fmt: skip
    tokens = Usage(
        input_tokens=10, output_tokens=11, cached_input_tokens=12, cache_write_tokens=13, reasoning_tokens=14
    )
    with baserun.with_session():
        record_call(
            **texts, **values, usage=tokens, time_to_first_token_us=15_000, input_preview="first", output_preview="last"
        )

    (found,), (session,) = captured.calls, captured.sessions
    told = found.to_dict()
    assert {name: told[name] for name in (*texts, *values)} == {**texts, **values}
    assert told["usage"] == {
        "input_tokens": 10, "output_tokens": 11, "cached_input_tokens": 12, "cache_write_tokens": 13,
        "reasoning_tokens": 14,
    }  # fmt: skip
    assert told["time_to_first_token_ms"] == 15
    assert (session.first_input, session.last_output) == ("first", "last")


def test_errors_that_are_values_are_redacted() -> None:
    """An error object that is logged or set as a result is redacted like text."""
    said = ValueError(f"{KEY} is bad")

    with capture() as by_default, baserun.with_session():
        baserun.log({"error": said})
    with (
        capture(redact=lambda text, path: text.replace("bad", "XXX")) as by_function,
        baserun.start_trace("t") as trace,
    ):
        trace.result = [said]

    assert by_default.annotations[0].value == {"error": "<ValueError: [masked: api key] is bad>"}
    assert by_function.traces[0].result == [f"<ValueError: {KEY} is XXX>"]


def test_secrets_in_errors_that_are_values_are_masked(captured: Captured) -> None:
    """Secrets are masked in error objects used as log, metadata, tag, check or result."""
    error = ValueError(f"refused: {KEY}")
    with baserun.start_trace("t", metadata={"a": error}) as trace:
        baserun.log(error, metadata={"a": [error], "b": {error: 1}})
        baserun.tag("why", error)
        baserun.check("is_fine", result=False, actual=error)
        trace.result = ExceptionGroup("all", [error])

    (told,) = captured.traces
    assert KEY not in repr(told.to_dict())
    assert [each.value for each in told.annotations or () if each.type == "log"] == [
        "<ValueError: refused: [masked: api key]>"
    ]


def test_redact_function_sees_texts_and_where_they_are() -> None:
    """A `redact` function gets each text with its path, and what it returns is stored."""
    seen: dict[str, str] = {}

    def redact(text: str, path: str) -> str:
        seen[path] = text
        return text.replace("Ann", "NAME")

    with capture(redact=redact) as captured, baserun.start_trace("t") as trace:
        trace.result = {"people": ["Ann", "Bob"]}

    assert [stored.result for stored in captured.traces] == [{"people": ["NAME", "Bob"]}]
    assert (seen["result.people[0]"], seen["result.people[1]"]) == ("Ann", "Bob")


def test_redact_function_does_not_get_identifiers() -> None:
    """A `redact` function does not get ids, models and kinds, so feedback by completion id still finds its call."""
    with capture(redact=lambda text, path: "hidden") as captured:
        with baserun.with_session(session_identifier="chat"):
            record_call(response_id="answer-1", request_id="request-1", request_model="m", response_model="m-1")
        baserun.feedback("helpful", 1, completion_id="answer-1")

        (stored,) = captured.calls
        (session,) = captured.sessions

    assert (stored.kind, stored.response_id, stored.request_id) == ("llm", "answer-1", "request-1")
    assert (stored.request_model, stored.response_model) == ("m", "m-1")
    assert session.feedback_score == 1.0


def test_long_texts_are_cut(captured: Captured) -> None:
    """Names, ids, messages and previews are cut to their limits."""
    with pytest.raises(ValueError, match="eee"), baserun.with_session(), baserun.start_trace("n" * 10_000):
        record_call(input_preview="p" * 10_000, output_preview="q" * 10_000, response_id="r" * 10_000)
        raise ValueError("e" * 100_000)

    (session,) = captured.sessions
    (trace,) = captured.traces
    assert len(trace.name) <= 500
    assert trace.error is not None
    assert trace.error.message is not None
    assert len(trace.error.message) <= 10_000
    assert (len(session.first_input or ""), len(session.last_output or "")) == (180, 180)
    assert [len(each.response_id or "") for each in captured.calls] == [500]


@pytest.mark.parametrize("offset", [10, len(KEY) // 2])
def test_no_half_of_a_secret_is_left_at_the_end_of_a_message(captured: Captured, offset: int) -> None:
    """No half of a key is left where an error's message is cut."""
    with pytest.raises(ValueError, match="sk-proj"), baserun.start_trace("t"):
        raise ValueError("." * (10_000 - offset) + f"{KEY} and more")

    (trace,) = captured.traces
    assert trace.error is not None
    assert trace.error.message is not None
    assert len(trace.error.message) <= 10_000
    assert KEY[:10] not in trace.error.message


@pytest.mark.parametrize("text", ["a\ud800b", "a\0b", "\udcff"])
def test_text_that_no_store_takes(captured: Captured, text: str) -> None:
    """Lone surrogates and NUL in any text neither drop a record nor stop later ones."""
    with baserun.with_session(metadata={text: text}), baserun.start_trace(text, kind=text, metadata={text: text}):
        baserun.log(text, name=text, metadata={text: text})
        baserun.tag(text, text)
        baserun.feedback(text, 1, comment=text, completion_id=text)
        with baserun.span(text, kind=text) as span:
            span.input = span.result = text
        record_call(response_id=text, request_model=text, input=text, output=text, parameters={text: text})
    with baserun.start_trace("after"):
        pass

    assert captured.stats.dropped == {}
    assert [trace.name for trace in captured.traces][-1] == "after"
    assert len(captured.spans) == 2


class Safe(str):
    """A str subclass, as frameworks have for texts that need no escaping."""


class Step(StrEnum):
    """An enum of names, as applications have them."""

    ANSWER = "answer"


def test_texts_of_a_subclass_are_texts(captured: Captured) -> None:
    """Names and comments of a str subclass are stored as their text, with secrets masked."""
    with baserun.start_trace(name=Step.ANSWER), baserun.span(Safe("look up"), kind=Safe("tool")):
        baserun.log("m", name=Step.ANSWER)
        baserun.tag(Step.ANSWER, 1)
        baserun.feedback(Safe("helpful"), 1, comment=Safe(f"very <b>{KEY}</b>"))

    (trace,) = captured.traces
    assert (trace.name, trace.tags, captured.spans[0].name) == ("answer", {"answer": 1}, "look up")
    assert [note.name for note in captured.annotations] == ["answer", "answer", "helpful"]
    assert captured.annotations[-1].comment == "very <b>[masked: api key]</b>"


def test_environment_that_is_not_utf8() -> None:
    """An environment name with bytes that could not be decoded is stored with replacement characters."""
    with capture(environment="st\udce4ging") as captured, baserun.start_trace("t"):
        pass

    assert [trace.environment for trace in captured.traces] == ["st\ufffdging"]


def test_error_messages_are_content() -> None:
    """Without content the type of an error is stored, and its message is not."""
    with (
        capture(capture_content=False) as captured,
        pytest.raises(ValueError, match="private"),
        baserun.start_trace("t"),
        baserun.span("s"),
    ):
        raise ValueError("private")

    errors = [captured.traces[0].error, captured.spans[0].error]
    assert [error and (error.type, error.message) for error in errors] == [("ValueError", None)] * 2


def test_failed_call_without_content_outside_of_a_trace(captured: Captured) -> None:
    """A failed call without content gives the trace made for it no error message."""
    with baserun.suppress(content_only=True):
        record_call(status=ERROR, raised=ValueError("private"))

    assert "private" not in repr([trace.to_dict() for trace in captured.traces])
    assert [trace.status for trace in captured.traces] == ["error"]


def test_unknown_price(captured: Captured) -> None:
    """The cost of a call to a model without a known price is None, not zero."""
    record_call(provider="nobody", response_model="no-such-model", usage=Usage(input_tokens=1, output_tokens=1))

    assert [each.cost_usd for each in captured.calls] == [None]


def test_moved_trace(captured: Captured) -> None:
    """A trace that is moved to another session takes its calls, feedback and tokens along."""
    with baserun.with_session("alice", session_identifier="a"), baserun.start_trace("t") as trace:
        record_call(usage=Usage(input_tokens=3, output_tokens=1))
        baserun.feedback("helpful", 1)
    captured.flush()
    with baserun.with_session("bob", session_identifier="b") as bob:
        assert isinstance(trace, baserun.Trace)
        recorder().move_trace(trace, bob)

    by_id = {session.id: session for session in captured.sessions}
    assert (by_id["a"].llm_calls, by_id["a"].feedback_score, by_id["a"].traces) == (0, None, [])
    assert (by_id["b"].llm_calls, by_id["b"].feedback_score, by_id["b"].input_tokens) == (1, 1.0, 3)
    assert [(stored.session_id, stored.user_identifier) for stored in captured.traces] == [("b", "bob")]


def test_one_record_that_cannot_be_prepared_harms_no_other(captured: Captured) -> None:
    """A record that cannot be prepared is dropped and counted; the others are stored."""
    with baserun.start_trace("before"):
        pass
    with baserun.start_trace("broken") as broken:
        broken.session = 7  # type: ignore[union-attr]
    with baserun.start_trace("after"):
        pass

    assert [trace.name for trace in captured.traces] == ["before", "after"]
    stats = captured.stats
    assert (stats.captured, stats.stored, sum(stats.dropped.values())) == (3, 2, 1)


def test_failure_reported_in_an_answer(captured: Captured) -> None:
    """A call whose answer reports a failure, though nothing was raised, counts as an error everywhere."""
    with baserun.with_session(user_identifier="ada"):
        record_call(error=("server_error", "Try again."), error_body={"code": "server_error"})

    (found,), (trace,) = captured.calls, captured.traces
    assert found.error is not None
    assert (found.status, found.error.type, found.error.message) == ("error", "server_error", "Try again.")
    assert trace.error is not None
    assert (trace.status, trace.error.type, trace.error.message) == ("error", "server_error", "Try again.")
    assert [each.errors for each in (trace, captured.sessions[0], captured.users[0])] == [1, 1, 1]


def test_failure_reported_in_an_answer_inside_a_trace(captured: Captured) -> None:
    """A trace that continues after a call with a reported failure keeps its own status, and counts the failed call."""
    with baserun.start_trace("answer"):
        record_call(error=("server_error", None))
        record_call()

    (trace,) = captured.traces
    assert [each.status for each in captured.calls] == ["error", "ok"]
    assert (trace.status, trace.error, trace.errors) == ("ok", None, 1)


def test_raised_error_counts_before_a_reported_one() -> None:
    """An exception that the client raised is the call's error, whatever failure its answer reports."""
    with capture(capture_content=False) as captured:
        record_call(status=ERROR, raised=ValueError("B"), error=("told", "A"))
        record_call(error=("told", "A"))

        raised, told = captured.calls

    assert raised.error is not None
    assert told.error is not None
    assert (raised.error.type, told.error.type, told.error.message) == ("ValueError", "told", None)


def test_a_repeated_name_is_masked_each_time(captured: Captured) -> None:
    """A name with a secret is masked each time, also when its stored form comes from the cache."""
    for _ in range(2):
        with baserun.start_trace(f"name {KEY}", new=True):
            pass

    assert [trace.name for trace in captured.traces] == ["name [masked: api key]"] * 2


def test_redact_function_is_called_for_every_name() -> None:
    """The results of a `redact` function are not cached: it may answer differently each time."""
    answers = iter(["first", "second"])
    with capture(redact=lambda text, path: next(answers) if path == "name" else text) as captured:
        for _ in range(2):
            with baserun.start_trace("name", new=True):
                pass

    assert [trace.name for trace in captured.traces] == ["first", "second"]
