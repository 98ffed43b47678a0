"""The costs of calls, and why the cost of one is unknown."""

from __future__ import annotations

from baserun.store import StoredCall, StoredSession, StoredTrace, StoredUser
from baserun.store.activity import ActivityBucket, BusyModel, BusyUser
from baserun.wording.amounts import UNKNOWN, dollars, plural
from baserun.wording.calls import has_failed
from baserun.wording.tokens import are_known

Sum = StoredSession | StoredTrace | StoredUser | ActivityBucket | BusyUser | BusyModel
"""Records with the summed cost of several calls, of which some may be unknown."""

_ASKABLE = ("chat", "text_completion")
"""Operations whose streams report usage only on request; those of the Responses API always do."""


def is_counted(whole: StoredSession | StoredTrace | StoredUser) -> bool:
    """Whether there are tokens or a cost to show: of LLM calls, or of others, such as embeddings and images."""
    known = (whole.input_tokens, whole.output_tokens, whole.cost_usd)
    return whole.llm_calls > 0 or whole.unpriced_calls > 0 or any(value is not None for value in known)


def cost_of(whole: Sum) -> str:
    """Return the cost of its calls, with the number of calls that are not included."""
    if whole.cost_usd is None:
        return "cost unknown"
    left_out = left_out_of(whole)
    return f"{dollars(whole.cost_usd)} {left_out}" if left_out else dollars(whole.cost_usd)


def brief_cost_of(whole: Sum) -> str:
    """Return the cost in short form, such as ``$0.0041+``; empty if there was no call."""
    if whole.cost_usd is None:
        return UNKNOWN if whole.unpriced_calls else ""
    return dollars(whole.cost_usd) + ("+" if whole.unpriced_calls else "")


def left_out_of(whole: Sum) -> str | None:
    """Return how many calls the sum leaves out, in words; None if it has all of them, or is unknown."""
    if whole.cost_usd is None or not whole.unpriced_calls:
        return None
    return f"and {plural(whole.unpriced_calls, 'call')} of unknown cost"


def why_unknown(call: StoredCall) -> str | None:
    """Return why the cost is unknown, in words; None if it is known."""
    if call.cost_usd is not None:
        return None
    if not are_known(call.usage):
        return _why_uncounted(call)
    model = call.response_model or call.request_model
    if model is None:
        return "the model is not known"
    return f"no price of {model} was known when the call was recorded"


def _why_uncounted(call: StoredCall) -> str:
    if has_failed(call):
        return "the call failed, and no usage was reported"
    if call.stream and call.stream_end not in (None, "complete"):
        return "the stream was not read to its end, where its usage is reported"
    if call.status == "cancelled":
        return "the call was cancelled before its usage was reported"
    if call.stream and _did_not_ask(call):
        return "the stream reported no usage; it does if the call has stream_options={'include_usage': True}"
    return "the provider reported no usage"


def _did_not_ask(call: StoredCall) -> bool:
    is_askable = call.operation in _ASKABLE and not (call.response_id or "").startswith("resp_")
    options = (call.parameters or {}).get("stream_options")
    return is_askable and not (isinstance(options, dict) and options.get("include_usage"))
