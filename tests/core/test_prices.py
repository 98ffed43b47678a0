"""Costs of calls equal those of the price list, although we compute them faster."""

from __future__ import annotations

from functools import partial
from typing import Any

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun._calls import CallDetails, Usage
from baserun._prices import NANO, cost_nano

MODELS = (  # plain, with audio, with tiers
    "gpt-4o-mini",
    "gpt-4o",
    "gpt-5",
    "gpt-5-mini",
    "o3",
    "gpt-4o-2024-08-06",
    "gpt-4.1",
    "gpt-4o-audio-preview",
    "gpt-5.4",
)
counts = st.none() | st.integers(0, 3_000_000)


TIERS = (None, "default", "flex", "priority", "a tier that nobody knows")


def said_by_the_list(model: str, usage: Usage, tier: str | None = None) -> int | None:
    """Return the price that `genai_prices` itself computes, in nano-dollars."""
    names = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        **(usage.priced_apart or {}),
    }
    try:
        asked = genai_prices.Usage(**{name: count for name, count in names.items() if count})
        answer = genai_prices.calc_price(
            asked, model, provider_id="openai", price_context={"service_tier": tier} if tier else None
        )
        return int(answer.total_price * NANO)
    except (LookupError, ValueError):
        return None


@given(
    model=st.sampled_from(MODELS),
    tier=st.sampled_from(TIERS),
    given=st.builds(
        Usage, input_tokens=counts, output_tokens=counts, cached_input_tokens=counts, cache_write_tokens=counts
    ),
)
def test_a_cost_is_what_the_price_list_says(model: str, tier: str | None, given: Usage) -> None:
    """The cost equals the price list's for any tier and token counts, even contradictory ones."""
    found = cost_nano(CallDetails(provider="openai", request_model=model, service_tier=tier, usage=given))

    is_known = given.input_tokens is not None or given.output_tokens is not None
    assert found == (said_by_the_list(model, given, tier) if is_known else None)


@pytest.mark.parametrize("model", ["nobody-knows-this-model", ""])
def test_an_unknown_model_has_no_price(model: str) -> None:
    """The cost for an unknown model is None, not zero."""
    usage = Usage(input_tokens=10, output_tokens=10)

    assert cost_nano(CallDetails(provider="openai", request_model=model, usage=usage)) is None


@pytest.mark.parametrize("model", ["whisper-1", "tts-1"])
def test_what_is_not_paid_by_the_token_has_no_price_by_tokens(model: str) -> None:
    """Where the price is by the hour or by the character, tokens tell nothing of it, and surely not that it is free."""
    for usage in (Usage(input_tokens=10, output_tokens=10), Usage(input_tokens=0)):
        assert cost_nano(CallDetails(provider="openai", request_model=model, usage=usage)) is None


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("gpt-audio", Usage(input_tokens=1000, output_tokens=70, priced_apart={"input_audio_tokens": 600})),
        ("gpt-audio", Usage(input_tokens=1000, output_tokens=70, priced_apart={"output_audio_tokens": 60})),
        ("gpt-4o-transcribe", Usage(input_tokens=1000, output_tokens=70, priced_apart={"input_audio_tokens": 1000})),
        ("gpt-image-1", Usage(input_tokens=1000, output_tokens=4000, priced_apart={"input_image_tokens": 900})),
        ("gpt-image-1.5", Usage(input_tokens=1000, output_tokens=4000, priced_apart={"output_image_tokens": 4000})),
    ],
)
def test_sound_and_images_have_their_own_prices(model: str, usage: Usage) -> None:
    """Tokens of sound and images cost more than those of text, as the price list says."""
    found = cost_nano(CallDetails(provider="openai", request_model=model, usage=usage))
    as_text = Usage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens)

    assert found == said_by_the_list(model, usage)
    assert found is not None
    assert found > (cost_nano(CallDetails(provider="openai", request_model=model, usage=as_text)) or 0)


def test_transcription_is_paid_by_its_length() -> None:
    """Whisper costs as much as its sound is long."""
    minute, hour = (
        cost_nano(
            CallDetails(provider="openai", request_model="whisper-1", usage=Usage(priced_apart={"audio_seconds": each}))
        )
        for each in (60.0, 3600)
    )

    assert minute is not None
    assert hour == said_by_the_list("whisper-1", Usage(priced_apart={"audio_seconds": 3600})) == 60 * minute


@pytest.mark.parametrize(
    "counts", [{"input_audio_tokens": 5}, {"output_audio_tokens": 5}, {"audio_seconds": 1.5}, {"input_characters": 5}]
)
def test_sound_without_a_price_of_its_own_has_none(counts: dict[str, float]) -> None:
    """The cost is unknown where the list has no price of sound, rather than that of text."""
    usage = Usage(input_tokens=10, output_tokens=10, priced_apart=counts)

    assert cost_nano(CallDetails(provider="openai", request_model="gpt-4o-mini", usage=usage)) is None


def test_each_tier_has_its_price() -> None:
    """The ``flex`` tier costs less than the default, and ``priority`` more."""
    usage = Usage(input_tokens=1000, output_tokens=1000)
    costs = [
        cost_nano(CallDetails(provider="openai", request_model="gpt-5", service_tier=tier, usage=usage)) or 0
        for tier in ("flex", "default", "priority")
    ]

    assert 0 < costs[0] < costs[1] < costs[2]
    assert costs[1] == cost_nano(CallDetails(provider="openai", request_model="gpt-5", usage=usage))


@pytest.mark.parametrize(
    ("cost", "details"),
    [
        (0, {"response_model": "omni-moderation-latest"}),
        (0, {"request_model": "text-moderation-stable", "response_model": "text-moderation-007"}),
        (0, {"request_model": "omni-moderation-latest", "error": ("APIError", None)}),
        (0, {"error": ("APIError", None)}),
        (None, {"request_model": "omni-moderation-latest", "response_model": "our-own-guard"}),
        (None, {"provider": "mistral_ai", "request_model": "mistral-moderation-latest"}),
        (None, {"provider": "azure.ai.openai", "request_model": "omni-moderation-latest"}),
        (None, {"operation": "chat", "request_model": "omni-moderation-latest"}),
    ],
)
def test_moderation_is_free_at_openai(cost: int | None, details: dict[str, Any]) -> None:
    """By OpenAI's own models, of which a request without a model gets one; what others ask for theirs is unknown."""
    assert cost_nano(CallDetails(**{"provider": "openai", "operation": "moderation", **details})) == cost


def test_retrieving_a_response_is_free() -> None:
    """Only the tokens that it is the first to tell have a price, and that may be unknown."""
    retrieved = partial(CallDetails, provider="openai", operation="retrieve_response")
    usage = Usage(input_tokens=1000, output_tokens=1000)
    created = cost_nano(CallDetails(provider="openai", operation="chat", response_model="gpt-5", usage=usage))

    assert cost_nano(retrieved()) == cost_nano(retrieved(response_model="gpt-5")) == 0
    assert cost_nano(retrieved(response_model="gpt-5", usage=usage)) == created
    assert cost_nano(retrieved(response_model="nobody-knows-this-model", usage=usage)) is None
    assert cost_nano(retrieved(usage=usage)) is None
