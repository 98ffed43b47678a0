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
    ],
)
def test_numbers_of_a_fault(fault: dict[str, Any], error: type[Exception]) -> None:
    """A field of a fault that is no number, or negative, is refused by its name."""
    with pytest.raises(error, match=f"A fault's {next(iter(fault))} is "):
        Fault(**fault)


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


@pytest.mark.parametrize("reply", [lambda messages: 5, _hello])
def test_function_that_returns_no_reply(reply: Any) -> None:
    """A reply function that is async or returns something else gives the client an error that says what to return."""
    with (
        OfflineModel(reply=reply) as model,
        openai.OpenAI(base_url=model.url, api_key="offline", max_retries=0) as client,
        pytest.raises(openai.InternalServerError, match="a plain function that returns text or a Reply"),
    ):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
