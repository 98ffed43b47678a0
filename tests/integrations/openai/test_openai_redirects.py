"""Gateways that redirect the client's requests."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import openai
import pytest

from baserun.testing import Captured, OfflineModel

MESSAGES = [{"role": "user", "content": 'Say "Hello"'}]


def redirected(http: ModuleType, status: int, location: str) -> openai.OpenAI:
    """Return a client whose first request is redirected to `location`."""

    class Moved(http.HTTPTransport):  # type: ignore[misc, name-defined]
        def handle_request(self, request: Any) -> Any:
            if request.url.host == "old.example":
                return http.Response(status, headers={"location": location})
            return super().handle_request(request)

    return openai.OpenAI(
        base_url="https://old.example/v1",
        api_key="x",
        http_client=http.Client(transport=Moved(), follow_redirects=True),
    )


@pytest.mark.parametrize("status", [307, 308])
def test_input_is_that_of_the_call(http: ModuleType, offline: OfflineModel, captured: Captured, status: int) -> None:
    """The recorded input is that at call time, although the request was sent again to another host."""
    body: dict[str, Any] = {"model": "gpt-4o-mini", "messages": [*MESSAGES], "stream": True}
    with redirected(http, status, f"{offline.url}/chat/completions") as client:
        stream = client.post(
            "/chat/completions", body=body, cast_to=object, stream=True, stream_cls=openai.Stream[object]
        )
        body["messages"].append({"role": "user", "content": "later"})
        list(stream)

    (call,) = captured.calls
    assert (call.status, call.stream_end, call.input) == ("ok", "complete", MESSAGES)


def test_input_of_a_call_that_ended_elsewhere(http: ModuleType, captured: Captured, offline: OfflineModel) -> None:
    """A call that is redirected to a page by GET is recorded with its own model and input."""
    with redirected(http, 302, f"{offline.url}/models/sign-in") as client:
        client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)  # type: ignore[arg-type]

    assert [request.method for request in offline.requests] == ["GET"]
    (call,) = captured.calls
    assert (call.request_model, call.input) == ("gpt-4o-mini", MESSAGES)


def test_provider_is_the_one_that_answered(http: ModuleType, captured: Captured) -> None:
    """The provider is that of the host that answered."""

    def answer(request: Any) -> Any:
        if request.url.host == "old.example":
            return http.Response(308, headers={"location": "https://api.mistral.ai/v1/chat/completions"})
        return http.Response(200, json={"id": "c", "choices": []})

    transport = http.MockTransport(answer)
    with openai.OpenAI(
        base_url="https://old.example/v1",
        api_key="x",
        http_client=http.Client(transport=transport, follow_redirects=True),
    ) as client:
        client.chat.completions.create(model="m", messages=MESSAGES)  # type: ignore[arg-type]

    (call,) = captured.calls
    assert call.provider == "mistral_ai"
