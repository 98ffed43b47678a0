"""Reading messages from inputs and outputs in the formats of providers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun.wording.messages import Message, ToolCall, answered, said
from stored_records import a_call

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls", "function", "input"]), inner
        )
    ),
)


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        (None, []),
        ("hello", [Message("user", "hello")]),
        (["one", "two"], [Message("user", "one"), Message("user", "two")]),
        ([{"role": "developer", "content": "be kind"}], [Message("system", "be kind")]),
        (
            {"instructions": "be kind", "input": "hello"},
            [Message("system", "be kind"), Message("user", "hello")],
        ),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "what is"}, {"type": "image_url", "image_url": {}}],
                }
            ],
            [Message("user", "what is\n[image_url]")],
        ),
        (
            [{"type": "function_call", "name": "look", "arguments": '{"at": "x"}', "call_id": "1"}],
            [Message("assistant", "", (ToolCall("look", 'at="x"'),))],
        ),
        ([{"type": "function_call_output", "call_id": "1", "output": "found"}], [Message("tool", "found")]),
        (
            [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}],
            [Message("reasoning", "hm")],
        ),
        (
            [{"role": "assistant", "content": [{"type": "tool_use", "name": "look", "input": {"at": 1}}]}],
            [Message("assistant", "", (ToolCall("look", "at=1"),))],
        ),
        ([{"role": "assistant", "content": None, "refusal": "no"}], [Message("assistant", "no")]),
        ({"prompt": "once upon", "suffix": "the end"}, [Message("user", "once upon")]),
    ],
)
def test_shapes(value: Any, messages: list[Message]) -> None:
    """Chat messages, response items, prompts and content parts all become `Message` objects."""
    assert said(value, "user") == messages


def test_tool_calls_are_told_once() -> None:
    """Tool calls that are recorded apart from the output are a message after it, but not those that it has itself."""
    asked = {"id": "1", "name": "look", "arguments": '{"at": 1}'}
    message = Message("assistant", "", (ToolCall("look", "at=1"),))

    assert answered(a_call(1, None, "ok", tool_calls=[asked])) == [Message("assistant", "ok"), message]
    assert answered(
        a_call(1, None, [{"type": "tool_use", "name": "look", "input": {"at": 1}}], tool_calls=[asked])
    ) == [message]


@given(JSON)
def test_any_json_gives_messages(value: Any) -> None:
    """JSON of any shape gives messages with text, and no error."""
    assert all(isinstance(message.text, str) for message in said(value, "user"))
