"""Whether calls of tools and their results belong together, as the provider demands it of a conversation."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from baserun.testing._offline.errors import RequestError
from baserun.testing._offline.exchange import Json


def check_messages(messages: list[Any]) -> None:
    """Check that each message with tool calls is followed by their results, and no others.

    Raises:
        RequestError: A result without its call, a call without its result or with two of them, or a list of calls that
            is empty or has something else in it.
    """
    called: list[str] = []
    answered: dict[str, int] = {}
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            call_id = _answered_call(message, index, called)
            _check_first(call_id, index, answered.setdefault(call_id, index))
            continue
        _check_answered(called, answered, param=f"messages.[{index}].role")
        called = [str(tool_call.get("id")) for tool_call in _tool_calls(message, index)]
        answered = {}
    _check_answered(called, answered, param="messages")


def _tool_calls(message: Json, index: int) -> list[Json]:
    given = message.get("tool_calls")
    if given is None:
        return []
    param = f"messages[{index}].tool_calls"
    if given == []:
        raise RequestError(
            f"Invalid '{param}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            param=param,
            code="empty_array",
        )
    if isinstance(given, list) and all(isinstance(each, dict) for each in given):
        tools = [each.get("function") or each.get("custom") or {} for each in given]
        if all(isinstance(tool, dict) for tool in tools):
            return given
    raise RequestError(f"Invalid type for '{param}': expected an array of objects.", param=param, code="invalid_type")


def _answered_call(message: Json, index: int, called: list[str]) -> str:
    if not called:
        # The spelling is the provider's.
        raise RequestError(
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with"
            " 'tool_calls'.",
            param=f"messages.[{index}].role",
        )
    param = f"messages.[{index}].tool_call_id"
    if message.get("tool_call_id") is None:
        raise RequestError(
            "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.", param=param
        )
    call_id = str(message["tool_call_id"])
    if call_id not in called:
        raise RequestError(
            f"Invalid parameter: 'tool_call_id' of '{call_id}' not found in 'tool_calls' of previous message.",
            param=param,
        )
    return call_id


def _check_first(call_id: str, index: int, first: int) -> None:
    if first != index:
        raise RequestError(
            f"Invalid parameter: Duplicate value for 'tool_call_id' of '{call_id}', in messages[{first}] and"
            f" messages[{index}].",
            param=f"messages.[{index}].tool_call_id",
        )


def _check_answered(called: list[str], answered: Collection[str], *, param: str) -> None:
    if missing := [call_id for call_id in called if call_id not in answered]:
        raise RequestError(
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(missing)}",
            param=param,
        )


def check_items(items: list[Json], *, known: Collection[str], waiting: Collection[str]) -> None:
    """Check that each function call among the items of a response's input has its output, and the reverse.

    Args:
        items: The input.
        known: The ids of the calls in the earlier conversation.
        waiting: Those of them that have no output yet.

    Raises:
        RequestError: An output without its call, or a call without its output.
    """
    called = [str(item.get("call_id")) for item in items if item["type"] == "function_call"]
    answered = [str(item.get("call_id")) for item in items if item["type"] == "function_call_output"]
    if any(item["type"] == "item_reference" for item in items):
        return  # it may stand for a call or for an output
    for call_id in answered:
        if call_id not in called and call_id not in known:
            raise RequestError(f"No tool call found for function call output with call_id {call_id}.", param="input")
    for call_id in (*waiting, *called):
        if call_id not in answered:
            raise RequestError(f"No tool output found for function call {call_id}.", param="input")
