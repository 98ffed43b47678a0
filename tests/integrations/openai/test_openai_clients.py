"""Every kind of client is recorded: whenever it was made, whatever its class, host and transport."""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any

import openai
import pytest

import baserun
import baserun_openai
from baserun.testing import Captured, OfflineModel, capture

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}


def test_client_and_resources_made_before(offline: OfflineModel) -> None:
    """Calls of a client, and of its methods, taken before recording began are recorded."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        create = client.chat.completions.create
        create_raw = client.chat.completions.with_raw_response.create
        with capture() as captured:
            create(**CHAT)
            create_raw(**CHAT)
            calls = captured.calls

    assert len(calls) == 2


def test_module_client(offline: OfflineModel, captured: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls of the module-level client are recorded."""
    for name, value in offline.environment().items():
        monkeypatch.setenv(name, value)

    openai.chat.completions.create(**CHAT)
    openai.chat.completions._client.close()
    openai._reset_client()

    assert [call.request_model for call in captured.calls] == ["gpt-4o-mini"]


def test_subclass_that_overrides_request(offline: OfflineModel, captured: Captured) -> None:
    """A call of a subclass that overrides `request` is recorded once."""

    class OwnClient(openai.OpenAI):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    with OwnClient(base_url=offline.url, api_key="offline") as client:
        client.chat.completions.create(**CHAT)

    assert len(captured.calls) == 1


def test_request_within_a_call(offline: OfflineModel, captured: Captured) -> None:
    """A request that a client makes in the middle of a call is not mistaken for the call's own."""

    class AskingClient(openai.OpenAI):
        def _prepare_options(self, options: Any) -> Any:
            if options.url == "/chat/completions":
                self.models.list()
            return options

    with AskingClient(base_url=offline.url, api_key="offline") as client:
        client.chat.completions.create(**CHAT)

    (call,) = captured.calls
    assert (call.input, call.finish_reasons, call.retries) == (CHAT["messages"], ["stop"], 0)


def test_call_within_a_call(offline: OfflineModel, captured: Captured) -> None:
    """A call in the middle of another has its own record."""

    class AskingClient(openai.OpenAI):
        def _prepare_options(self, options: Any) -> Any:
            if options.url == "/chat/completions":
                self.embeddings.create(model="text-embedding-3-small", input="Hi")
            return options

    with AskingClient(base_url=offline.url, api_key="offline") as client:
        client.chat.completions.create(**CHAT)

    assert [(call.operation, call.input) for call in captured.calls] == [
        ("chat", CHAT["messages"]),
        ("embeddings", "Hi"),
    ]


def test_azure(offline: OfflineModel, captured: Captured) -> None:
    """A call to Azure is recorded, also if only the URL has its model."""
    with openai.AzureOpenAI(
        azure_endpoint=offline.azure_endpoint, api_key="offline", api_version="2024-10-21"
    ) as client:
        client.chat.completions.create(**CHAT)
        client.post("/deployments/gpt-4o/chat/completions", cast_to=object, body={"messages": CHAT["messages"]})

    first, second = captured.calls
    assert (first.request_model, first.operation) == ("gpt-4o-mini", "chat")
    assert (second.request_model, second.operation) == ("gpt-4o", "chat")


@pytest.mark.parametrize("url", ["/chat/completions", "chat/completions", "{base}/chat/completions"])
def test_generic_post(offline: OfflineModel, captured: Captured, url: str) -> None:
    """A call by `post`, with a path or a full URL, is recorded with its operation."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        client.post(url.format(base=offline.url), cast_to=object, body=CHAT)

    (call,) = captured.calls
    assert (call.operation, call.input) == ("chat", CHAT["messages"])


@pytest.mark.skipif(importlib.util.find_spec("aiohttp") is None, reason="aiohttp is not installed")
@pytest.mark.parametrize("is_stream", [False, True])
async def test_aiohttp_transport(offline: OfflineModel, captured: Captured, is_stream: bool) -> None:
    """Calls over aiohttp are recorded."""
    if importlib.util.find_spec("httpx_aiohttp") is None and int(openai.__version__.split(".")[0]) < 3:
        pytest.skip("the aiohttp transport of this client needs httpx_aiohttp")
    async with openai.AsyncOpenAI(
        base_url=offline.url, api_key="offline", http_client=openai.DefaultAioHttpClient()
    ) as client:
        answer: Any = await client.chat.completions.create(**CHAT, stream=is_stream)
        if is_stream:
            async for _ in answer:
                pass
    await asyncio.sleep(0.05)

    (call,) = captured.calls
    assert (call.status, call.stream) == ("ok", is_stream)
    assert call.finish_reasons == ["stop"]


@pytest.mark.skipif(importlib.util.find_spec("httpx") is None, reason="httpx is not installed")
@pytest.mark.parametrize("is_stream", [False, True])
def test_legacy_httpx_client(offline: OfflineModel, captured: Captured, is_stream: bool) -> None:
    """Calls over a given client of the older HTTP library are recorded."""
    import httpx

    with openai.OpenAI(base_url=offline.url, api_key="offline", http_client=httpx.Client()) as client:  # type: ignore[arg-type,unused-ignore]
        answer: Any = client.chat.completions.create(**CHAT, stream=is_stream)
        if is_stream:
            list(answer)

    (call,) = captured.calls
    assert (call.status, call.stream, call.finish_reasons) == ("ok", is_stream, ["stop"])


def test_input_at_call_time(offline: OfflineModel, captured: Captured) -> None:
    """The recorded input is that at call time, even if the caller changes it later."""
    messages = [{"role": "user", "content": "first"}]
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=messages)  # type: ignore[arg-type]
        messages[0]["content"] = "changed"

    (call,) = captured.calls
    assert call.input == [{"role": "user", "content": "first"}]


def test_suppressed(offline: OfflineModel, captured: Captured) -> None:
    """In a `suppress` block nothing is recorded."""
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client, baserun.suppress():
        client.chat.completions.create(**CHAT)

    assert captured.calls == []


def test_not_instrumented(offline: OfflineModel, captured: Captured) -> None:
    """After `uninstrument` nothing is recorded."""
    baserun_openai.uninstrument()
    with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
        client.chat.completions.create(**CHAT)

    assert captured.calls == []
