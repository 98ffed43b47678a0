"""Costs of what has prices of its own: sound, images and searches."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import genai_prices
import openai
import pytest

from baserun._prices import NANO
from baserun.testing import Captured, OfflineModel

Answering = Callable[..., openai.OpenAI]

PNG = bytes.fromhex("89504e470d0a1a0a")


def priced(model: str, **counts: float) -> Decimal | None:
    """Return the price by the list; None if it has none, as an older one for speech."""
    try:
        price = genai_prices.calc_price(genai_prices.Usage(**counts), model, provider_id="openai")
    except LookupError:
        return None
    return Decimal(int(price.total_price * NANO)) / NANO


def test_costs_of_sound_and_pictures(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """Sound and pictures are paid by their own tokens, by their length, or by the characters that are spoken."""
    client.audio.transcriptions.create(model="whisper-1", file=("talk.mp3", b"anything"))
    client.audio.transcriptions.create(model="gpt-4o-transcribe", file=("talk.mp3", b"anything"))
    client.audio.speech.create(model="tts-1", voice="alloy", input="Good day")
    client.audio.speech.create(model="tts-1", voice="alloy", input="Good day", instructions="Whisper")
    client.images.edit(model="gpt-image-1", prompt="Add a hat", image=("cat.png", PNG, "image/png"))
    spoken: Any = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    client.chat.completions.create(model="gpt-audio", messages=[{"role": "user", "content": "Hi"}], **spoken)

    heard, read, drawn, said = (offline.answers[place].json["usage"] for place in (0, 1, 4, 5))
    tokens: dict[str, float] = {"input_tokens": said["prompt_tokens"], "output_tokens": said["completion_tokens"]}
    assert [call.cost_usd for call in captured.calls] == [
        priced("whisper-1", audio_seconds=heard["seconds"]),
        priced(
            "gpt-4o-transcribe",
            input_tokens=read["input_tokens"],
            input_audio_tokens=read["input_token_details"]["audio_tokens"],
            output_tokens=read["output_tokens"],
        ),
        *(2 * [priced("tts-1", input_characters=len("Good day"))]),
        priced(
            "gpt-image-1",
            input_tokens=drawn["input_tokens"],
            output_tokens=drawn["output_tokens"],
            output_image_tokens=drawn["output_tokens_details"]["image_tokens"],
        ),
        priced("gpt-audio", **tokens, output_audio_tokens=said["completion_tokens_details"]["audio_tokens"]),
    ]
    assert [call.usage is None for call in captured.calls] == [True, False, True, True, False, False]


@pytest.mark.parametrize("seconds", ["6", True, -1, 1e400, float("nan"), [6], 0, pytest.param(10**400, id="huge")])
def test_odd_length_of_sound(answering: Callable[..., openai.OpenAI], captured: Captured, seconds: Any) -> None:
    """A length that is none has no price, and the rest of the answer is recorded."""
    body = json.dumps({"text": "Hello", "usage": {"type": "duration", "seconds": seconds}}).encode()

    with answering(body, content_type="application/json") as client:
        client.audio.transcriptions.create(model="whisper-1", file=("talk.mp3", b"anything"))

    (call,) = captured.calls
    assert (call.output, call.usage, call.cost_usd) == ({"text": "Hello"}, None, None)


def searching(kind: str, **members: Any) -> dict[str, Any]:
    """Return an item of the tool `kind` in an answer."""
    return {"type": kind, "id": "ws_1", "status": "completed", **members}


@pytest.mark.parametrize("is_streamed", [False, True])
def test_searches_cost_beside_the_tokens(answering: Answering, captured: Captured, is_streamed: bool) -> None:
    """Each search in the web or in files has its price; opening a page that was found has none."""
    items = [
        searching("web_search_call", action={"type": "search", "query": "weather"}),
        searching("web_search_call", action={"type": "open_page", "url": "https://example.com"}),
        searching("web_search_call"),
        searching("file_search_call", queries=["weather"]),
        searching("code_interpreter_call"),
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Sunny"}]},
    ]
    usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
    response = {"id": "resp_1", "object": "response", "model": "gpt-5-mini", "status": "completed", "output": items}
    body = json.dumps({**response, "usage": usage})
    if is_streamed:
        body = f'data: {{"type": "response.completed", "response": {body}}}\n\n'

    with answering(body.encode(), content_type="text/event-stream" if is_streamed else "application/json") as client:
        answer: Any = client.responses.create(model="gpt-5-mini", input="Weather?", stream=is_streamed)
        if is_streamed:
            list(answer)

    (call,) = captured.calls
    tokens = priced("gpt-5-mini", input_tokens=1000, output_tokens=100)
    both = priced("gpt-5-mini", input_tokens=1000, output_tokens=100, web_searches=2, storage_searches=1)
    assert both is not None
    assert tokens is not None
    assert call.cost_usd == both > tokens
    assert call.usage is not None
    assert (call.usage.input_tokens, call.usage.output_tokens) == (1000, 100)


@pytest.mark.parametrize("kind", [["web_search_call"], {}, None, 7])
def test_odd_items_cost_nothing(answering: Answering, captured: Captured, kind: Any) -> None:
    """An item without a proper type is no search, and the rest of the answer is recorded."""
    usage = {"input_tokens": 1000, "output_tokens": 100}
    response = {"id": "resp_1", "model": "gpt-5-mini", "output": [searching(kind, action="search")], "usage": usage}

    with answering(json.dumps(response).encode(), content_type="application/json") as client:
        client.responses.create(model="gpt-5-mini", input="Weather?")

    (call,) = captured.calls
    assert call.cost_usd == priced("gpt-5-mini", input_tokens=1000, output_tokens=100)
    assert call.output == response["output"]
