"""The answers of the offline model in the demo."""

from __future__ import annotations

import json

import pytest

from baserun.testing import Reply, ToolCall
from baserun_chat.orders import ORDERS, look_up_order
from baserun_demo._mind import OTHERWISE, reply


def asked(text: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": "Be kind."}, {"role": "user", "content": text}]


def test_orders_are_looked_up() -> None:
    """Each order number in a message becomes a tool call."""
    assert reply(asked("Where are 4712 and 4799?")) == Reply(
        tool_calls=tuple(ToolCall(name="look_up_order", arguments=json.dumps({"number": n})) for n in (4712, 4799))
    )


@pytest.mark.parametrize("number", [*ORDERS, 4799])
def test_what_the_tool_says_is_told(number: int) -> None:
    """The model answers with the result of the tool, for every order and for an unknown one."""
    result = {"role": "tool", "content": look_up_order(json.dumps({"number": number}))}

    said = reply([*asked(f"And {number}?"), result])

    assert isinstance(said, str)
    assert str(ORDERS.get(number, {}).get("item", number)) in said


def test_it_says_what_it_does_not_know() -> None:
    """To any other message the model gives its standard answer."""
    assert reply(asked("What is the capital of France?")) == OTHERWISE
