"""Conversations with a real model are recorded as the client and the server have them."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

import baserun
from baserun.store import StoredCall, StoredSession
from baserun.testing import Captured

QUESTIONS = ("Name a colour.", "Name another one.")
SETTINGS: dict[str, Any] = {"model": "smollm2", "temperature": 0, "max_tokens": 12}


def messages_of(answers: list[str]) -> list[Any]:
    """Return the conversation so far, with the next question at its end."""
    messages: list[Any] = []
    for question, answer in zip(QUESTIONS, answers, strict=False):
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return [*messages, {"role": "user", "content": QUESTIONS[len(answers)]}]


def calls_of(session: StoredSession) -> list[StoredCall]:
    """Return the calls of a session, the earliest first."""
    assert not isinstance(session.traces, int)
    spans = [span for trace in session.traces for span in trace.spans or () if isinstance(span, StoredCall)]
    return sorted(spans, key=lambda span: span.started_at)


def tokens_of(usage: Any) -> tuple[int | None, int | None] | None:
    """Return input and output tokens of the client's or a record's usage."""
    if usage is None:
        return None
    if hasattr(usage, "prompt_tokens"):
        return usage.prompt_tokens, usage.completion_tokens
    return usage.input_tokens, usage.output_tokens


def test_real_sync_conversation(client: openai.OpenAI, captured: Captured) -> None:
    """Two turns are two calls of one session, each with its input, output and tokens."""
    completions: list[ChatCompletion] = []

    with baserun.with_session(user_identifier="ada"):
        for _ in QUESTIONS:
            messages = messages_of([each.choices[0].message.content or "" for each in completions])
            completions.append(client.chat.completions.create(messages=messages, **SETTINGS))

    (session,) = captured.sessions
    assert session.user_identifier == "ada"
    assert session.first_input == QUESTIONS[0]
    assert [call.response_id for call in calls_of(session)] == [each.id for each in completions]
    assert [call.input[-1]["content"] for call in calls_of(session)] == list(QUESTIONS)
    for call, completion in zip(calls_of(session), completions, strict=True):
        assert call.output[0]["content"] == completion.choices[0].message.content
        assert call.finish_reasons == [completion.choices[0].finish_reason]
        assert tokens_of(call.usage) == tokens_of(completion.usage)
        assert (call.request_model, call.response_model) == ("smollm2", completion.model)
        assert (call.status, call.stream_end, call.retries) == ("ok", None, 0)


async def test_real_async_conversation(server_url: str, captured: Captured) -> None:
    """Calls of the async client are recorded with their output and tokens."""
    answers: list[str] = []
    usages = []

    client = openai.AsyncOpenAI(base_url=server_url, api_key="none", max_retries=0)
    async with client, baserun.with_session(user_identifier="ada"):
        for _ in QUESTIONS:
            completion = await client.chat.completions.create(messages=messages_of(answers), **SETTINGS)
            answers.append(completion.choices[0].message.content or "")
            usages.append(tokens_of(completion.usage))

    (session,) = captured.sessions
    assert session.user_identifier == "ada"
    assert [call.output[0]["content"] for call in calls_of(session)] == answers
    assert [tokens_of(call.usage) for call in calls_of(session)] == usages


def test_real_stream(client: openai.OpenAI, captured: Captured) -> None:
    """A stream is recorded with its text, the time to its first token, and its usage if one was sent."""
    text, usage = "", None

    with baserun.with_session(user_identifier="ada"):
        options: Any = {"stream_options": {"include_usage": True}}
        for chunk in client.chat.completions.create(messages=messages_of([]), stream=True, **options, **SETTINGS):
            usage = chunk.usage or usage
            text += "".join(choice.delta.content or "" for choice in chunk.choices)

    (call,) = captured.calls
    assert text
    assert call.output[0]["content"] == text
    assert tokens_of(call.usage) == tokens_of(usage)
    assert (call.stream, call.stream_end, call.status) == (True, "complete", "ok")
    assert call.time_to_first_token_ms is not None
    assert call.duration_ms is not None
    assert 0 < call.time_to_first_token_ms <= call.duration_ms


async def test_real_async_stream(server_url: str, captured: Captured) -> None:
    """A stream of the async client is recorded with its text and the time to its first token."""
    text = ""

    async with openai.AsyncOpenAI(base_url=server_url, api_key="none", max_retries=0) as client:
        with baserun.with_session(user_identifier="ada"):
            stream: Any = await client.chat.completions.create(messages=messages_of([]), stream=True, **SETTINGS)
            async for chunk in stream:
                text += "".join(choice.delta.content or "" for choice in chunk.choices)

    (call,) = captured.calls
    assert text
    assert call.output[0]["content"] == text
    assert (call.stream, call.stream_end, call.status) == (True, "complete", "ok")
    assert call.time_to_first_token_ms is not None


def test_real_stream_left_early(client: openai.OpenAI, captured: Captured) -> None:
    """A stream that is closed early is one record with the text so far."""
    with client.chat.completions.create(messages=messages_of([]), stream=True, **SETTINGS) as stream:
        seen = next(text for chunk in stream for choice in chunk.choices if (text := choice.delta.content))

    (call,) = captured.calls
    assert (call.stream_end, call.status) == ("closed", "ok")
    assert call.output[0]["content"].startswith(seen)


def test_real_refusal_of_the_server(client: openai.OpenAI, captured: Captured) -> None:
    """A request that the server refuses is recorded with the error that the client raised."""
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(messages=messages_of([]), **{**SETTINGS, "max_tokens": "many"})

    (call,) = captured.calls
    assert call.status == "error"
    assert call.error is not None
    assert call.error.status_code == raised.value.status_code
    assert call.error.type.endswith(type(raised.value).__name__)
