"""Fixtures: real clients of the installed version, the offline model, and the recorder."""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import openai
import pytest

from baserun.testing import Captured, OfflineModel, capture


@pytest.fixture(name="offline")
def _offline() -> Iterator[OfflineModel]:
    with OfflineModel() as model:
        yield model


@pytest.fixture(name="captured")
def _captured() -> Iterator[Captured]:
    with capture() as captured:
        yield captured


@pytest.fixture(name="client")
def _client(offline: OfflineModel, captured: Captured) -> Iterator[openai.OpenAI]:
    """A client of the offline model, whose calls are captured."""
    with openai.OpenAI(base_url=offline.url, api_key="offline", max_retries=0) as client:
        yield client


@pytest.fixture(name="http")
def _http() -> ModuleType:
    """The HTTP library that this version of the client uses."""
    return importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")


Answering = Callable[..., openai.OpenAI]


@pytest.fixture(name="answering")
def _answering(http: ModuleType) -> Answering:
    """A function that makes a client whose requests are all answered with the same chunks of bytes."""

    def make(
        *chunks: bytes, content_type: str = "application/json", status: int = 200, **options: Any
    ) -> openai.OpenAI:
        class Chunks(http.SyncByteStream):  # type: ignore[misc, name-defined]
            def __iter__(self) -> Iterator[bytes]:
                yield from chunks

        def answer(request: Any) -> Any:
            return http.Response(status, headers={"content-type": content_type}, stream=Chunks())

        given = {"api_key": "x", "max_retries": 0, "http_client": http.Client(transport=http.MockTransport(answer))}
        return openai.OpenAI(**given | options)

    return make


class AnyClient:
    """A sync or async client, which tests use in the same way."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.is_async = isinstance(client, openai.AsyncOpenAI)

    async def result(self, value: Any) -> Any:
        """Return the value, awaited if necessary."""
        return await value if inspect.isawaitable(value) else value

    async def read(self, stream: Any, most: int | None = None) -> list[Any]:
        """Return the items of a stream, at most `most`."""
        items: list[Any] = []
        if most == 0:
            return items
        if hasattr(stream, "__aiter__"):
            async for item in stream:
                items.append(item)
                if len(items) == most:
                    break
        else:
            for item in stream:
                items.append(item)
                if len(items) == most:
                    break
        return items

    async def collect(self) -> None:
        """Let unreferenced objects be finalised."""
        for _ in range(3):
            gc.collect()
            await asyncio.sleep(0.01)

    def block(self, manager: Any) -> _Block:
        """Adapt a sync or async context manager to ``async with``."""
        return _Block(manager)


class _Block:
    def __init__(self, manager: Any) -> None:
        self._manager = manager

    async def __aenter__(self) -> Any:
        if hasattr(self._manager, "__aenter__"):
            return await self._manager.__aenter__()
        return self._manager.__enter__()

    async def __aexit__(self, *error: object) -> Any:
        if hasattr(self._manager, "__aexit__"):
            return await self._manager.__aexit__(*error)
        return self._manager.__exit__(*error)


@pytest.fixture(name="any_client", params=["sync", "async"])
async def _any_client(request: pytest.FixtureRequest, offline: OfflineModel) -> AsyncIterator[AnyClient]:
    kind = openai.OpenAI if request.param == "sync" else openai.AsyncOpenAI
    client: Any = kind(base_url=offline.url, api_key="offline", max_retries=0)
    any_client = AnyClient(client)
    yield any_client
    await any_client.result(client.close())
