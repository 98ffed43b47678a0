"""The Responses API: items in, items out."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Any
from urllib.parse import urlsplit

from baserun.instrumentation import CallDetails, Usage
from baserun_openai._binary import describe_base64
from baserun_openai._exchange import Answer
from baserun_openai._failure import tell_failure
from baserun_openai._preview import cut, joined, last_user_text, text_in
from baserun_openai._responses_stream import merge
from baserun_openai._tool_calls import arguments_text
from baserun_openai._usage import read_usage
from baserun_openai._wire import Fields, label_of, object_of, objects_of, pick, text_of

CONTENT = ("instructions", "input", "prompt")
_MOST_REMEMBERED = 4096
_SEARCHES = {"web_search_call": "web_searches", "file_search_call": "storage_searches"}
"""The items of built-in tools that the provider charges for by their number, and the names of the price list."""


def read_input(fields: Fields, details: CallDetails) -> None:
    """Fill in the input: alone, or together with the instructions and the stored prompt if they are given."""
    given = [name for name in CONTENT if name in fields]
    details.input = fields["input"] if given == ["input"] else pick(fields, given)
    asked = fields.get("input")
    details.input_preview = cut(asked) if isinstance(asked, str) else last_user_text(asked)


def read_answer(answer: Answer, details: CallDetails) -> None:
    """Fill in the output items, the tool calls and the finish reason."""
    response = answer.read(merge)
    items = objects_of(response.get("output"))
    details.response_id = response.get("id")
    details.response_model = response.get("model")
    if not _is_told(response, details):
        details.usage = _with_searches(read_usage(response.get("usage")), items)
        details.service_tier = text_of(response.get("service_tier"))
        tell_failure(_failure(response), details)
    details.tool_calls = [_tool_call(item) for item in items if _is_tool_call(item)] or None
    details.finish_reasons = _finish_reasons(response)
    details.output_preview = _preview(items, details)
    details.output = [_without_payload(item) for item in items] or answer.other


def _with_searches(usage: Usage | None, items: list[dict[str, Any]]) -> Usage | None:
    """Add the searches to the usage. Of what a model does in the web, only searches are charged for.

    https://developers.openai.com/api/docs/guides/tools-web-search
    """
    if usage is None:
        return None
    kinds = [str(item.get("type")) for item in items if object_of(item.get("action")).get("type") in (None, "search")]
    searches = Counter(_SEARCHES[kind] for kind in kinds if kind in _SEARCHES)
    if searches:
        usage.priced_apart = {**(usage.priced_apart or {}), **searches}
    return usage


_told: OrderedDict[tuple[str, str], None] = OrderedDict()
"""Host and id of the latest responses whose usage or failure has been recorded."""


def _is_told(response: dict[str, Any], details: CallDetails) -> bool:
    """Whether the usage or failure of this response is already in another record.

    A response may be retrieved any number of times after it was created. Only if it ran in the background is its usage
    not known before: then it is recorded with the first retrieval.
    """
    response_id = response.get("id")
    if not isinstance(response_id, str):
        return False
    key = (urlsplit(details.price_url or "").netloc, response_id)
    if details.operation != "retrieve_response":
        _told.pop(key, None)  # a new response, even if a restarted server gives its id a second time
    if not response.get("usage") and not _failure(response):
        return False
    known = key in _told
    _told[key] = None
    if len(_told) > _MOST_REMEMBERED:
        _told.popitem(last=False)
    return details.operation == "retrieve_response" and (known or not response.get("background"))


def _failure(response: dict[str, Any]) -> Any:
    return response.get("error") or ({"status": "failed"} if response.get("status") == "failed" else None)


def _is_tool_call(item: dict[str, Any]) -> bool:
    kind = str(item.get("type"))
    return kind.endswith("_call") and ("call_id" in item or kind == "mcp_call")


def _tool_call(item: dict[str, Any]) -> dict[str, Any]:
    said = item.get("arguments", item.get("input", item.get("action", item.get("operation"))))
    return {
        "id": label_of(item.get("call_id")) or label_of(item.get("id")),
        "name": label_of(item.get("name")) or str(item.get("type")).removesuffix("_call"),
        "arguments": None if said is None else arguments_text(said),
    }


def _finish_reasons(response: dict[str, Any]) -> list[str] | None:
    status = response.get("status")
    reason = object_of(response.get("incomplete_details")).get("reason")
    return [reason] if isinstance(reason, str) else [status] if isinstance(status, str) else None


def _preview(items: list[dict[str, Any]], details: CallDetails) -> str | None:
    said = joined(text_in(item.get("content")) for item in items if item.get("type") == "message")
    return said or cut("\n".join(str(call["name"]) for call in details.tool_calls or ()))


def _without_payload(item: dict[str, Any]) -> dict[str, Any]:
    result = item.get("result")
    if item.get("type") != "image_generation_call" or not isinstance(result, str):
        return item
    return {**item, "result": describe_base64(result, f"image/{item.get('output_format') or 'png'}")}
