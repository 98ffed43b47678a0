"""Merging deltas of tool calls, as OpenAI and compatible servers send them."""

from __future__ import annotations

from typing import Any

import pytest

from baserun_openai._tool_calls import ToolCallMerger


def delta(index: int | None, call_id: str | None = None, name: str | None = None, text: str | None = None) -> Any:
    function = {key: value for key, value in (("name", name), ("arguments", text)) if value is not None}
    whole = {"index": index, "id": call_id, "function": function}
    return {key: value for key, value in whole.items() if value is not None}


A = ("call_a", "f", '{"x":1}')
B = ("call_b", "g", '{"y":2}')

STREAMS: dict[str, tuple[list[Any], list[Any]]] = {
    "one after the other": (
        [delta(0, "call_a", "f", ""), delta(0, text='{"x"'), delta(0, text=":1}"), delta(1, *B)],
        [A, B],
    ),
    "side by side": (
        [delta(0, "call_a", "f", '{"x"'), delta(1, "call_b", "g", '{"y"'), delta(0, text=":1}"), delta(1, text=":2}")],
        [A, B],
    ),
    "index 0 for each": ([delta(0, *A), delta(0, *B)], [A, B]),
    "no index": ([delta(None, "call_a", "f", '{"x"'), delta(None, text=":1}"), delta(None, *B)], [A, B]),
    "no ids": ([delta(0, None, *A[1:]), delta(0, None, *B[1:])], [(None, *A[1:]), (None, *B[1:])]),
    "no ids and no index": ([delta(None, None, *A[1:]), delta(None, None, *B[1:])], [(None, *A[1:]), (None, *B[1:])]),
    "id and name repeated": ([delta(0, "call_a", "f", '{"x"'), delta(0, "call_a", "f", ":1}")], [A]),
    "name repeated after the end": ([delta(0, *A), delta(0, None, "f", "")], [A]),
    "empty id repeated": ([delta(0, "call_a", "f", '{"x"'), delta(0, "", "", ":1}")], [A]),
    "name in pieces": ([delta(0, "call_a", "fo", ""), delta(0, None, "ur", "{}")], [("call_a", "four", "{}")]),
    "same call twice": ([delta(0, *A), delta(0, "call_c", *A[1:])], [A, ("call_c", *A[1:])]),
    "order of index": ([delta(1, *B), delta(0, *A)], [A, B]),
    "out of order, side by side": (
        [delta(1, "call_b", "g", ""), delta(0, "call_a", "f", '{"x"'), delta(1, text='{"y":2}'), delta(0, text=":1}")],
        [A, B],
    ),
    "index of another kind": ([delta([0], *A)], [A]),  # type: ignore[arg-type]
    "arguments as an object": ([delta(0, "call_a", "f", {"x": 1})], [("call_a", "f", '{"x": 1}')]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", STREAMS)
def test_merging(case: str) -> None:
    """Every tool call is merged into one, with its own id, name and arguments."""
    deltas, expected = STREAMS[case]
    merger = ToolCallMerger()

    for each in deltas:
        merger.add([each])

    assert merger.finished() == [
        {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
        for call_id, name, arguments in expected
    ]


def test_custom_tool() -> None:
    """The free text of a custom tool call is merged too."""
    merger = ToolCallMerger()

    merger.add([{"index": 0, "id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT"}}])
    merger.add([{"index": 0, "custom": {"input": " 1"}}])

    assert merger.finished() == [{"id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}]
