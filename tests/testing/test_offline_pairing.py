"""Calls of tools and their results: what the provider refuses, the offline model refuses in the same words."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from baserun.testing import OfflineModel, Reply, ToolCall

USER: Any = {"role": "user", "content": "What is the weather?"}
ORPHAN = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
UNANSWERED = (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
    "The following tool_call_ids did not have response messages: "
)


def calls(*ids: str) -> dict[str, Any]:
    """The model's message that calls a tool once for each id."""
    function = {"name": "get_weather", "arguments": "{}"}
    return {"role": "assistant", "tool_calls": [{"id": each, "type": "function", "function": function} for each in ids]}


def result(call_id: str) -> dict[str, Any]:
    """What a tool gave."""
    return {"role": "tool", "tool_call_id": call_id, "content": "18 degrees"}


def called(call_id: str) -> dict[str, Any]:
    """A call among the items of an input."""
    return {"type": "function_call", "call_id": call_id, "name": "get_weather", "arguments": "{}"}


def output(call_id: str) -> dict[str, Any]:
    """What a function gave, among the items of an input."""
    return {"type": "function_call_output", "call_id": call_id, "output": "18 degrees"}


@pytest.mark.parametrize(
    ("messages", "message", "param"),
    [
        ([result("a")], ORPHAN, "messages.[0].role"),
        ([USER, result("a")], ORPHAN, "messages.[1].role"),
        ([USER, calls("a"), result("a"), USER, result("a")], ORPHAN, "messages.[4].role"),
        (
            [USER, calls("a"), result("b")],
            "Invalid parameter: 'tool_call_id' of 'b' not found in 'tool_calls' of previous message.",
            "messages.[2].tool_call_id",
        ),
        (
            [USER, calls("a"), {"role": "tool", "content": "18 degrees"}],
            "Missing parameter 'tool_call_id': messages with role 'tool' must have a 'tool_call_id'.",
            "messages.[2].tool_call_id",
        ),
        (
            [USER, calls("a", "b"), result("a"), result("b"), result("a")],
            "Invalid parameter: Duplicate value for 'tool_call_id' of 'a', in messages[2] and messages[4].",
            "messages.[4].tool_call_id",
        ),
        ([USER, calls("a", "b")], f"{UNANSWERED}a, b", "messages"),
        ([USER, calls("a", "b"), result("b")], f"{UNANSWERED}a", "messages"),
        ([USER, calls("a"), USER], f"{UNANSWERED}a", "messages.[2].role"),
        ([USER, calls("a", "b"), result("a"), USER, result("b")], f"{UNANSWERED}b", "messages.[3].role"),
    ],
)
def test_messages_without_the_other_half(client: openai.OpenAI, messages: list[Any], message: str, param: str) -> None:
    """A result without its call, or a call without its result or with two, is a bad request that names the place."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="gpt-4o", messages=messages)

    told = {"message": message, "type": "invalid_request_error", "param": param, "code": None}
    assert raised.value.body == told


def test_an_empty_list_of_calls(client: openai.OpenAI) -> None:
    """A message that calls nothing has no list of calls, as the provider demands."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(
            model="gpt-4o", messages=[USER, {"role": "assistant", "content": "18", "tool_calls": []}, USER]
        )

    assert raised.value.body == {
        "message": "Invalid 'messages[1].tool_calls': empty array. Expected an array with minimum length 1, but got an"
        " empty array instead.",
        "type": "invalid_request_error",
        "param": "messages[1].tool_calls",
        "code": "empty_array",
    }


def test_no_calls(client: openai.OpenAI) -> None:
    """A message that calls nothing may say so with null."""
    said: Any = {"role": "assistant", "content": "18", "tool_calls": None}

    completion = client.chat.completions.create(model="gpt-4o", messages=[USER, said, USER])

    assert completion.choices[0].message.content == "You said: What is the weather?"


@pytest.mark.parametrize("tool_calls", ["abc", 5, {"a": 1}, [None], [{"id": "a", "function": "get_weather"}]])
def test_calls_that_are_no_objects(client: openai.OpenAI, tool_calls: Any) -> None:
    """They are a bad request, not a failure of the server, which the client would try again."""
    with pytest.raises(openai.BadRequestError, match=r"Invalid type for 'messages\[1\]\.tool_calls'"):
        client.chat.completions.create(model="gpt-4o", messages=[USER, {"role": "assistant", "tool_calls": tool_calls}])


def test_results_of_custom_tools(client: openai.OpenAI) -> None:
    """A custom tool has its name elsewhere."""
    call = {"id": "a", "type": "custom", "custom": {"name": "sql", "input": "SELECT 18"}}
    messages: list[Any] = [USER, {"role": "assistant", "tool_calls": [call]}, result("a")]

    completion = client.chat.completions.create(model="gpt-4o", messages=messages)

    assert completion.choices[0].message.content == "sql says: 18 degrees"


def test_messages_in_pairs(client: openai.OpenAI) -> None:
    """Several calls in several messages, with their results in any order, are a conversation."""
    messages: list[Any] = [
        USER, calls("a", "b"), result("b"), result("a"), calls("c"), result("c"), {"role": "assistant", "content": "18"}
    ]  # fmt: skip

    completion = client.chat.completions.create(model="gpt-4o", messages=[*messages, USER])

    assert completion.choices[0].message.content == "You said: What is the weather?"


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([output("a")], "No tool call found for function call output with call_id a."),
        ([called("a"), output("b")], "No tool call found for function call output with call_id b."),
        ([USER, called("a")], "No tool output found for function call a."),
        ([called("a"), called("b"), output("a"), USER], "No tool output found for function call b."),
    ],
)
def test_items_without_the_other_half(client: openai.OpenAI, items: list[Any], message: str) -> None:
    """Responses refuse it too, with the id of the call."""
    with pytest.raises(openai.BadRequestError) as raised:
        client.responses.create(model="gpt-4o", input=items)

    assert raised.value.body == {
        "message": message, "type": "invalid_request_error", "param": "input", "code": None,
    }  # fmt: skip


@pytest.mark.parametrize("earlier", [{"conversation": "conv_1"}, {}])
def test_calls_of_the_previous_response(model: OfflineModel, client: openai.OpenAI, earlier: dict[str, Any]) -> None:
    """They wait for their outputs before anything else; and what has its output may be talked about."""
    model.next(Reply(tool_calls=(ToolCall(name="get_weather", arguments="{}"),)))
    first: Any = client.responses.create(model="gpt-4o", input="What is the weather?", **earlier)
    follow: Any = earlier or {"previous_response_id": first.id}
    call_id = first.output[0].call_id

    with pytest.raises(openai.BadRequestError, match=f"No tool output found for function call {call_id}."):
        client.responses.create(model="gpt-4o", input="Well?", **follow)
    second = client.responses.create(model="gpt-4o", input=[output(call_id)], **follow)  # type: ignore[list-item]
    third = client.responses.create(
        model="gpt-4o", input="Thank you", **(earlier or {"previous_response_id": second.id})
    )

    assert second.output_text == "get_weather says: 18 degrees"
    assert third.output_text == "You said: Thank you"


def test_calls_of_a_cancelled_response(model: OfflineModel, client: openai.OpenAI) -> None:
    """A response that was cancelled before it called anything waits for no output."""
    model.next(Reply(tool_calls=(ToolCall(name="get_weather", arguments="{}"),)))
    first = client.responses.create(model="gpt-4o", input="What is the weather?", background=True)
    client.responses.cancel(first.id)

    second = client.responses.create(model="gpt-4o", input="Never mind", previous_response_id=first.id)

    assert second.output_text == "You said: Never mind"


def test_items_in_pairs(client: openai.OpenAI) -> None:
    """Pairs, and a call that is only referred to, are taken."""
    pairs: list[Any] = [USER, called("a"), called("b"), output("b"), output("a")]
    reference: Any = {"type": "item_reference", "id": "fc_1"}

    answers = [client.responses.create(model="gpt-4o", input=items) for items in (pairs, [reference, output("c")])]

    assert [answer.status for answer in answers] == ["completed", "completed"]
