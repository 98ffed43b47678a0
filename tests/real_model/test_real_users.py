"""Concurrent users of a real model: no call is in another user's session."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai

import baserun
from baserun.store import StoredCall
from baserun.testing import Captured

USERS = {"ada": "Say one word about the sea.", "bob": "Say one word about a mountain."}
TURNS = 2
SETTINGS: dict[str, Any] = {"model": "smollm2", "temperature": 0, "max_tokens": 10}

Heard = dict[str, list[str]]
"""The answers to each user."""


def recorded(captured: Captured) -> Heard:
    """Return the recorded answers to each user, after checking that all inputs are the user's own."""
    found: Heard = {}
    for session in captured.sessions:
        assert session.user_identifier in USERS
        assert not isinstance(session.traces, int)
        calls = [span for trace in session.traces for span in trace.spans or () if isinstance(span, StoredCall)]
        calls.sort(key=lambda call: call.started_at)
        assert {call.input[-1]["content"] for call in calls} == {USERS[session.user_identifier]}
        found.setdefault(session.user_identifier, []).extend(call.output[0]["content"] for call in calls)
    return found


def test_real_users_in_threads(client: openai.OpenAI, captured: Captured) -> None:
    """With two threads that make plain and streamed calls, each user's session has exactly the user's answers."""

    def talk(user: str) -> list[str]:
        messages: Any = [{"role": "user", "content": USERS[user]}]
        with baserun.with_session(user_identifier=user):
            answers = []
            for _ in range(TURNS):
                plain = client.chat.completions.create(messages=messages, **SETTINGS)
                answers.append(plain.choices[0].message.content or "")
                stream = client.chat.completions.create(messages=messages, stream=True, **SETTINGS)
                answers.append("".join(each.delta.content or "" for chunk in stream for each in chunk.choices))
        return answers

    with ThreadPoolExecutor(len(USERS)) as pool:
        heard = dict(zip(USERS, pool.map(talk, USERS), strict=True))

    assert recorded(captured) == heard
    assert len(captured.sessions) == len(USERS)


async def test_real_users_in_tasks(server_url: str, captured: Captured) -> None:
    """With two tasks whose streams run at the same time, each user's session has exactly the user's answers."""

    async def talk(user: str, client: openai.AsyncOpenAI) -> list[str]:
        messages: Any = [{"role": "user", "content": USERS[user]}]
        async with baserun.with_session(user_identifier=user):
            answers = []
            for _ in range(TURNS):
                stream: Any = await client.chat.completions.create(messages=messages, stream=True, **SETTINGS)
                answers.append("".join([each.delta.content or "" async for chunk in stream for each in chunk.choices]))
        return answers

    async with openai.AsyncOpenAI(base_url=server_url, api_key="none", max_retries=0) as client:
        heard = dict(zip(USERS, await asyncio.gather(*(talk(user, client) for user in USERS)), strict=True))

    assert recorded(captured) == heard


def test_real_session_resumed(client: openai.OpenAI, captured: Captured) -> None:
    """A conversation that is resumed after another user's is one session with both calls."""
    messages: Any = [{"role": "user", "content": USERS["ada"]}]

    with baserun.with_session(user_identifier="ada") as session:
        client.chat.completions.create(messages=messages, **SETTINGS)
    with baserun.with_session(user_identifier="bob"):
        client.chat.completions.create(messages=[{"role": "user", "content": USERS["bob"]}], **SETTINGS)
    with baserun.with_session(user_identifier="ada", session_identifier=session.id):
        client.chat.completions.create(messages=messages, **SETTINGS)

    assert {each.user_identifier: each.llm_calls for each in captured.sessions} == {"ada": 2, "bob": 1}
    assert {call.input[-1]["content"] for call in captured.calls} == set(USERS.values())
