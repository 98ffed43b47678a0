"""The calls that are measured, with the real `openai` client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import openai

from benchmarks._conversation import BIG, CHUNKS, Writer
from benchmarks._stub import http

MODEL = "gpt-4o-mini"
ANSWER = 640


class Calls:
    """The measured calls, with one client of each kind."""

    def __init__(self, url: str, session: Callable[[], AbstractContextManager[Any]]) -> None:
        writer = Writer(3)
        self._session = session
        self._messages: list[Any] = [*writer.messages()[:3], self._asking(f'Say "{writer.text(ANSWER)}"')]
        self._long: list[Any] = [{"role": "system", "content": writer.text(BIG)}, self._asking('Say "yes"')]
        self._client = openai.OpenAI(base_url=url, api_key="offline", max_retries=0)
        self._async_client = openai.AsyncOpenAI(base_url=url, api_key="offline", max_retries=0)
        self._loop = asyncio.new_event_loop()
        canned = _Canned(writer.call().response)
        self._local_client = openai.OpenAI(api_key="offline", http_client=http.Client(transport=canned))

    def by_name(self) -> dict[str, Callable[[], object]]:
        """Return all calls by name."""
        return {
            "sync": self.sync,
            "async": self.asynchronous,
            f"{CHUNKS}-chunk stream": self.stream,
            "100 kB prompt": self.big,
            "session and user set": self.in_session,
            "sync, stubbed transport": self.local,
        }

    def sync(self) -> object:
        """Make a call of 1.9 kB."""
        return self._client.chat.completions.create(model=MODEL, messages=self._messages, temperature=0.2)

    def asynchronous(self) -> object:
        """Make the same call with the async client."""
        create = self._async_client.chat.completions.create
        return self._loop.run_until_complete(create(model=MODEL, messages=self._messages, temperature=0.2))

    def stream(self) -> object:
        """Read a stream to its end."""
        asked: list[Any] = [self._asking(f"Count to {CHUNKS}")]
        return list(self._client.chat.completions.create(model=MODEL, messages=asked, stream=True))

    def big(self) -> object:
        """Send a long prompt that gets a short answer."""
        return self._client.chat.completions.create(model=MODEL, messages=self._long)

    def in_session(self) -> object:
        """Make the call of `sync` in a block that sets session and user."""
        with self._session():
            return self.sync()

    def local(self) -> object:
        """Make the call of `sync` without a network: the whole client, without the noise of sockets."""
        return self._local_client.chat.completions.create(model=MODEL, messages=self._messages, temperature=0.2)

    def close(self) -> None:
        """Close the clients."""
        self._client.close()
        self._local_client.close()
        self._loop.run_until_complete(self._async_client.close())
        self._loop.close()

    def _asking(self, text: str) -> dict[str, str]:
        return {"role": "user", "content": text}


class _Canned(http.BaseTransport):  # type: ignore[misc]
    """Answers every request with the same bytes."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def handle_request(self, request: Any) -> Any:
        headers = {"content-type": "application/json", "x-request-id": "req_0123456789abcdef"}
        return http.Response(200, headers=headers, stream=http.ByteStream(self._body), request=request)
