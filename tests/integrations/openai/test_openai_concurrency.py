"""Concurrent calls of many threads and tasks: each is in the session that made it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest

import baserun
from baserun.store import StoredCall
from baserun.testing import Captured, OfflineModel

THREADS = 16
CALLS_OF_A_THREAD = 6
TASKS = 1000


@pytest.fixture(name="offline")
def _offline() -> Iterator[OfflineModel]:
    with OfflineModel(reply=lambda messages: f"You said {messages[-1]['content']}") as model:
        yield model


def test_threads(offline: OfflineModel, captured: Captured) -> None:
    """Calls of threads that share a client and read several streams in turn are in each thread's own session."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        threads = [threading.Thread(target=_talk, args=(client, number)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert _sessions(captured) == {f"thread-{number}": CALLS_OF_A_THREAD for number in range(THREADS)}


def _talk(client: openai.OpenAI, number: int) -> None:
    name = f"thread-{number}"
    with baserun.with_session(session_identifier=name):
        streams = [iter(client.chat.completions.create(**_chat(name), stream=True)) for _ in range(CALLS_OF_A_THREAD)]
    while streams:
        streams = [stream for stream in streams if next(stream, None) is not None]


async def test_tasks(offline: OfflineModel, captured: Captured) -> None:
    """Calls of a thousand tasks with interleaved streams are in each task's own session."""
    limit = asyncio.Semaphore(100)  # connections

    async with openai.AsyncOpenAI(base_url=offline.url, api_key="offline") as client:

        async def talk(name: str) -> None:
            async with limit:
                async with baserun.with_session(session_identifier=name):
                    stream = await client.chat.completions.create(**_chat(name), stream=True)
                async for _ in stream:
                    await asyncio.sleep(0)

        await asyncio.gather(*(talk(f"task-{number}") for number in range(TASKS)))

    assert captured.stats.closed
    assert captured.stats.dropped == {}
    assert _sessions(captured) == {f"task-{number}": 1 for number in range(TASKS)}


def _chat(name: str) -> Any:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": name}]}


def _sessions(captured: Captured) -> dict[str, int]:
    """Return the number of calls by session, after checking that each is the session's own and complete."""
    counts: dict[str, int] = {}
    for session in captured.sessions:
        assert isinstance(session.traces, list)
        calls = [span for trace in session.traces for span in trace.spans or []]
        for call in calls:
            assert isinstance(call, StoredCall)
            assert call.input[0]["content"] == session.id
            assert call.output[0]["content"] == f"You said {session.id}"
            assert call.stream_end == "complete"
        counts[session.id] = len(calls)
    return counts
