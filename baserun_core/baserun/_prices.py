"""The cost of a call by the price list of `genai-prices`; None where the list has no price and the call is not free."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from baserun import _fork
from baserun._calls import CallDetails, Usage

NANO = 1_000_000_000
PARTS = 1_000_000
"""Parts of a nano-dollar in which rates are counted, so that they are whole numbers."""
PROBE = 1_000_000
"""Tokens for which the price list is queried to derive the price of one."""

_PER_CALL = "requests_kcount"
"""The one price that is charged per call and not per token."""
_PER_TOKEN = "_mtok"
"""The names of prices per token end so."""

_OWN_PRICES = {
    "input_audio_tokens": "input_audio_mtok",
    "output_audio_tokens": "output_audio_mtok",
    "audio_seconds": "audio_hours",
    "input_characters": "input_mchars",
    "web_searches": "web_searches_kcount",
    "storage_searches": "storage_searches_kcount",
}
"""The names of the prices of what is never included in the price of text."""

_MODERATION = ("omni-moderation", "text-moderation")
"""The names of OpenAI's moderation models begin so; a request that names none gets one of the first."""


def cost_nano(details: CallDetails) -> int | None:
    """Return the cost of a call in nano-dollars (US), or None if unknown: no usage, no price, or no price list."""
    if _is_free(details):
        return 0
    usage = details.usage
    model = details.response_model or details.request_model
    if usage is None or model is None or not _is_counted(usage):
        return None
    provider = _provider_of(details)
    url = details.price_url if provider is None else None
    tier = details.service_tier
    minute = int(time.time() // 60)
    for name in (model,) if details.request_model in (None, model) else (model, details.request_model):
        rates = None if usage.priced_apart else _rates(name, provider, url, tier, minute)
        if rates is not None and _is_consistent(usage):
            return rates.cost_nano(usage)
        cost = _priced(name, provider, url, tier, _counts(usage))
        if cost is not None:
            return cost
    return None


def _is_free(details: CallDetails) -> bool:
    """Whether a call costs nothing, also if it failed.

    Such are calls of OpenAI's moderation models, which "are free models"
    (https://developers.openai.com/api/docs/models/omni-moderation-latest), and retrieving a response: what it cost is
    the cost of the call that created it, or, if it ran in the background, of the retrieval that has its usage.
    """
    if details.operation == "moderation":
        model = details.response_model or details.request_model or _MODERATION[0]
        return details.provider == "openai" and model.startswith(_MODERATION)
    return details.operation == "retrieve_response" and details.usage is None


def _is_counted(usage: Usage) -> bool:
    return usage.input_tokens is not None or usage.output_tokens is not None or bool(usage.priced_apart)


class Rates(msgspec.Struct, frozen=True):
    """The price of one token of each kind, in 1/`PARTS` nano-dollars, where it does not depend on their number."""

    input: int
    output: int
    cached: int
    """Difference to the price of plain input; usually negative."""
    written: int

    def cost_nano(self, usage: Usage) -> int:
        """Return the cost of these tokens, in nano-dollars."""
        total = self.input * (usage.input_tokens or 0) + self.output * (usage.output_tokens or 0)
        if usage.cached_input_tokens:
            total += self.cached * usage.cached_input_tokens
        if usage.cache_write_tokens:
            total += self.written * usage.cache_write_tokens
        return total // PARTS


def _is_consistent(usage: Usage) -> bool:
    """Whether cached and cache-write tokens are part of the input; if not, the price list decides what they cost."""
    return (usage.cached_input_tokens or 0) + (usage.cache_write_tokens or 0) <= (usage.input_tokens or 0)


_PROVIDERS = {"openai": "openai", "azure.ai.openai": "azure", "anthropic": "anthropic"}
"""The price list's name for each provider that OpenTelemetry names."""


def _provider_of(details: CallDetails) -> str | None:
    return _PROVIDERS.get(details.provider or "")


def _counts(usage: Usage) -> dict[str, float]:
    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        **(usage.priced_apart or {}),
    }
    return {name: count for name, count in counts.items() if count}


@lru_cache(maxsize=1)
def _price_list() -> Any:
    try:
        with _fork.in_one_piece():
            import genai_prices
            import genai_prices.data  # otherwise imported with the first price

            with contextlib.suppress(ImportError):
                import genai_prices.decompose  # likewise, in versions that have it
    except ImportError:  # the extra `openai` is not installed: every cost is unknown
        return None
    return genai_prices


def _priced(
    model: str, provider: str | None, url: str | None, tier: str | None, counts: dict[str, float]
) -> int | None:
    answer = _asked(model, provider, url, tier, counts)
    return None if answer is None else int(answer.total_price * NANO)


def _asked(model: str, provider: str | None, url: str | None, tier: str | None, counts: dict[str, float]) -> Any:
    prices = _price_list()
    if prices is None:
        return None
    try:
        calculate: Callable[..., Any] = prices.calc_price
        context = None if tier is None else {"service_tier": tier}
        answer = calculate(
            prices.Usage(**counts), model, provider_id=provider, provider_api_url=url, price_context=context
        )
    except (LookupError, ValueError):  # no such model or provider in the list
        return None
    return answer if _is_complete(answer, counts) else None


def _is_complete(answer: Any, counts: dict[str, float]) -> bool:
    """Whether a price includes all that is counted: the list takes sound for text where it has no price of sound."""
    prices = _prices_in(answer)
    if not prices:
        return True  # a free model
    if any(price not in prices for name, price in _OWN_PRICES.items() if name in counts):
        return False
    # A model may be paid by the hour or the character alone; its tokens are not free.
    return answer.total_price != 0 or any(name.endswith(_PER_TOKEN) or name == _PER_CALL for name in prices)


def _prices_in(answer: Any) -> dict[str, Any]:
    return {name: price for name, price in getattr(answer.model_price, "__dict__", {}).items() if price is not None}


@lru_cache(maxsize=1000)
def _rates(model: str, provider: str | None, url: str | None, tier: str | None, minute: int) -> Rates | None:
    """Return the rates of a model in this minute; None if they are unknown or a price per token is not constant.

    Querying the price list is slow, so a busy model is looked up once a minute: prices change at full minutes, if ever.
    """
    answer = _asked(model, provider, url, tier, {"input_tokens": PROBE, "output_tokens": PROBE})
    kinds = {} if answer is None else {name: type(price) for name, price in _prices_in(answer).items()}
    if not kinds or _PER_CALL in kinds or any(kind is not Decimal for kind in kinds.values()):
        return None  # unknown, or with tiers, by which the price depends on the size of the call
    given: tuple[dict[str, int], ...] = ({}, {"cache_read_tokens": PROBE}, {"cache_write_tokens": PROBE})
    answers = [_asked(model, provider, url, tier, {"input_tokens": PROBE, **counts}) for counts in given]
    if any(each is None for each in answers):
        return None
    prices = [each.total_price * NANO * PARTS / PROBE for each in (*answers, answer)]
    plain, cached, written, both = map(int, prices)
    if prices != [plain, cached, written, both]:
        return None  # finer than 1/`PARTS`
    return Rates(input=plain, output=both - plain, cached=cached - plain, written=written - plain)
