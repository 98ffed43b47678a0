"""What a call costs, by the price list of `genai-prices`; None wherever that list has no answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from baserun._calls import CallDetails, Usage

NANO = 1_000_000_000


def cost_nano(details: CallDetails) -> int | None:
    """The cost of a call in nano-dollars (US), or None when it is unknown: no usage, no price, no price list."""
    usage = details.usage
    model = details.response_model or details.request_model
    if usage is None or model is None or (usage.input_tokens is None and usage.output_tokens is None):
        return None
    provider = _provider_of(details)
    for name in dict.fromkeys((model, details.request_model or model)):
        cost = _priced(name, provider, details.price_url if provider is None else None, _counts(usage))
        if cost is not None:
            return cost
    return None


_PROVIDERS = {"openai": "openai", "azure.ai.openai": "azure", "anthropic": "anthropic"}
"""OpenTelemetry's names of providers, and those of the price list."""


def _provider_of(details: CallDetails) -> str | None:
    return _PROVIDERS.get(details.provider or "")


def _counts(usage: Usage) -> tuple[tuple[str, int], ...]:
    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
    }
    return tuple((name, count) for name, count in counts.items() if count)


@lru_cache(maxsize=1)
def _price_list() -> Any:
    try:
        import genai_prices
    except ImportError:  # the extra `openai` is not installed: every cost is unknown
        return None
    return genai_prices


def _priced(model: str, provider: str | None, url: str | None, counts: tuple[tuple[str, int], ...]) -> int | None:
    prices = _price_list()
    if prices is None:
        return None
    try:
        calculate: Callable[..., Any] = prices.calc_price
        answer = calculate(prices.Usage(**dict(counts)), model, provider_id=provider, provider_api_url=url)
    except (LookupError, ValueError):  # no such model or provider in the list
        return None
    return int(answer.total_price * NANO)
