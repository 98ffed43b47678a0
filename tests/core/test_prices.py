"""What a call costs is what the price list says, however fast it is found."""

from __future__ import annotations

import genai_prices
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun._calls import CallDetails, Usage
from baserun._prices import NANO, cost_nano

MODELS = (  # plain, with sound, with tiers, by the minute
    "gpt-4o-mini",
    "gpt-4o",
    "gpt-5",
    "gpt-5-mini",
    "o3",
    "gpt-4o-2024-08-06",
    "gpt-4.1",
    "gpt-4o-audio-preview",
    "gpt-5.4",
    "whisper-1",
)
counts = st.none() | st.integers(0, 3_000_000)


def said_by_the_list(model: str, usage: Usage) -> int | None:
    """The price list's own answer, in nano-dollars."""
    names = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }
    try:
        asked = genai_prices.Usage(**{name: count for name, count in names.items() if count})
        return int(genai_prices.calc_price(asked, model, provider_id="openai").total_price * NANO)
    except (LookupError, ValueError):
        return None


@given(
    model=st.sampled_from(MODELS),
    given=st.builds(
        Usage, input_tokens=counts, output_tokens=counts, cached_input_tokens=counts, cache_write_tokens=counts
    ),
)
def test_a_cost_is_what_the_price_list_says(model: str, given: Usage) -> None:
    """For every number of tokens, also for numbers that contradict each other."""
    found = cost_nano(CallDetails(provider="openai", request_model=model, usage=given))

    is_known = given.input_tokens is not None or given.output_tokens is not None
    assert found == (said_by_the_list(model, given) if is_known else None)


@pytest.mark.parametrize("model", ["nobody-knows-this-model", ""])
def test_an_unknown_model_has_no_price(model: str) -> None:
    """Unknown is None, and not nothing."""
    usage = Usage(input_tokens=10, output_tokens=10)

    assert cost_nano(CallDetails(provider="openai", request_model=model, usage=usage)) is None
