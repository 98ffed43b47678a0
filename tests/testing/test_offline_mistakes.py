"""Mistakes in the use of the offline model raise at once and say what to write instead."""

from __future__ import annotations

from typing import Any

import openai
import pytest

from baserun.testing import Fault, OfflineModel, Reply, ToolCall


@pytest.mark.parametrize("step", [429, {"a": 1}, ["Hello"], b"Hello"])
def test_wrong_step(step: Any) -> None:
    """A step that is no reply or fault, such as a status, is refused."""
    model = OfflineModel()

    with pytest.raises(TypeError, match=r"next\(status=429\)"):
        model.next(step)
    with pytest.raises(TypeError, match=r"next\(status=429\)"):
        model.script("Hello", step)


def test_unknown_fault() -> None:
    """An unknown name of a fault is refused, with the known ones."""
    with pytest.raises(TypeError, match=r"no fault 'statos'; write one of times, status, .*gzip"):
        OfflineModel().next(statos=429)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": "429"}, TypeError),
        ({"times": True}, TypeError),
        ({"delay": -1}, ValueError),
        ({"after": -1}, ValueError),
        ({"delay": float("nan")}, ValueError),
        ({"status": 429.5}, TypeError),
        ({"retry_after_date": "soon"}, TypeError),
        ({"message": 7}, TypeError),
        ({"stream_error": True}, TypeError),
        ({"gzip": "no"}, TypeError),
        ({"should_retry": 0}, TypeError),
    ],
)
def test_fields_of_a_fault(fault: dict[str, Any], error: type[Exception]) -> None:
    """A field of a fault that is of another kind, negative or no number, is refused by its name."""
    with pytest.raises(error, match=f"A fault's {next(iter(fault))} is "):
        Fault(**fault)


@pytest.mark.parametrize("date", [float("nan"), float("inf"), 10**400])
def test_date_of_a_fault(date: float) -> None:
    """A date that cannot be written is refused."""
    with pytest.raises(ValueError, match="retry_after_date is a number of seconds from now, not "):
        Fault(status=429, retry_after_date=date)


@pytest.mark.parametrize(
    ("fault", "missing"),
    [
        ({"reset": True}, 'add cut="body"'),
        ({"after": 3}, 'add cut="body" or malformed=True or stream_error='),
        ({"message": "Slow down."}, "add status=429"),
        ({"code": "slow", "times": 2}, 'add status=429 or stream_error="..."'),
        ({"retry_after": 0, "delay": 1}, "add status=429"),
        ({"should_retry": True}, "add status=429"),
    ],
)
def test_half_a_fault(fault: dict[str, Any], missing: str) -> None:
    """A field that does nothing by itself is refused, with the one that it needs."""
    with pytest.raises(ValueError, match=f"A fault's {next(iter(fault))} does nothing by itself: {missing}"):
        Fault(**fault)


@pytest.mark.parametrize("fault", [{}, {"times": None}, {"reset": False}, {"should_retry": None}, {"delay": 1}])
def test_fault_that_is_whole(fault: dict[str, Any]) -> None:
    """A fault needs no field, and a field that says no needs no other."""
    assert Fault(**fault).status is None


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ({"text": None}, "A reply's text is a text, not None"),
        ({"text": {"a": 1}}, r"A reply's text is a text, not \{'a': 1\}; an object is json.dumps"),
        ({"refusal": True}, "A reply's refusal is a text, not True"),
        ({"finish_reason": 7}, "A reply's finish_reason is a text, not 7"),
        ({"tool_calls": [{"name": "f"}]}, r"A reply's tool_calls are a tuple, such as \(ToolCall\(name='f', arg"),
        ({"tool_calls": ToolCall(name="f", arguments="{}")}, "A reply's tool_calls are a tuple"),
        ({"tool_calls": None}, "A reply's tool_calls are a tuple, .* not None"),
    ],
)
def test_parts_of_a_reply(reply: dict[str, Any], message: str) -> None:
    """A part of a reply that is of another kind is refused, and not when a client asks."""
    with pytest.raises(TypeError, match=message):
        Reply(**reply)


def test_list_of_tool_calls() -> None:
    """The tool calls of a reply may also be a list."""
    calls: Any = [ToolCall(name="f", arguments="{}")]

    assert Reply(tool_calls=calls).finished == "tool_calls"


@pytest.mark.parametrize("name", ["", None, len])
def test_name_of_a_tool_call(name: Any) -> None:
    """A tool call without the name of a function is refused."""
    with pytest.raises(TypeError, match="A call's name is that of a function, a non-empty text, not "):
        ToolCall(name=name, arguments="{}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"host": None}, "host must be a name or address such as '127.0.0.1', not None"),
        ({"port": "8123"}, r"port must be a number from 0 \(a free port\) to 65535, not '8123'"),
        ({"port": 70_000}, "to 65535, not 70000"),
        ({"port": -1}, "to 65535, not -1"),
        ({"clock": 1_700_000_000}, "clock must be a function of nothing: write clock=lambda: 1700000000"),
        ({"keep": -1}, "keep must be a number of requests, or None for all, not -1"),
        ({"keep": 1.5}, "keep must be a number of requests, or None for all, not 1.5"),
        ({"reply": lambda: "Hello"}, r"reply is called with the messages .* write def reply\(messages\), not <func"),
    ],
)
def test_wrong_argument_of_the_model(arguments: dict[str, Any], message: str) -> None:
    """An argument that cannot be used is refused at once, not when the model serves or is asked."""
    with pytest.raises(TypeError, match=message):
        OfflineModel(**arguments)


def test_arguments_as_an_object() -> None:
    """Arguments of a tool call that are no text are refused, with the JSON to write."""
    with pytest.raises(TypeError, match=r"write json.dumps\(\{'a': 1\}\)"):
        ToolCall(name="f", arguments={"a": 1})  # type: ignore[arg-type]


def test_reply_by_its_text() -> None:
    """The first argument of a `Reply` is its text."""
    assert Reply("Hello") == Reply(text="Hello")


def test_reply_that_is_no_function() -> None:
    """A text instead of a reply function is refused, with the function to write."""
    with pytest.raises(TypeError, match="write reply=lambda messages: 'Hello'"):
        OfflineModel(reply="Hello")  # type: ignore[arg-type]


async def _hello(messages: Any) -> str:
    return "Hello"


def test_async_reply_function() -> None:
    """An async reply function is refused, with the one to write."""
    with pytest.raises(TypeError, match=r"may block: write def reply\(messages\), not <function _hello"):
        OfflineModel(reply=_hello)  # type: ignore[arg-type]


@pytest.mark.parametrize("reply", [lambda messages: 5, lambda messages: _hello(messages)])
def test_function_that_returns_no_reply(reply: Any) -> None:
    """A reply function that returns a coroutine or a number gives the client an error that says what to return."""
    with (
        OfflineModel(reply=reply) as model,
        openai.OpenAI(base_url=model.url, api_key="offline", max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="a plain function that returns text or a Reply"),
    ):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
