"""Splitting server-sent events, with all line ends and wherever a stream is cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun_openai._sse import decoded, split_events


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(end: str) -> None:
    """Events end at a blank line, with any of the three kinds of line ends."""
    body = end.join(
        ['data: {"a":1}', "", "event: e", "data:[1,", "data: 2]", "id: 7", "", ": comment", "", ""]
    ).encode()

    events = split_events(body)

    assert [(event.name, event.data) for event in events] == [(None, b'{"a":1}'), (b"e", b"[1,\n2]")]


@given(st.lists(st.text(alphabet='abc{}\\" é', min_size=1), max_size=8), st.sampled_from(["\n", "\r\n", "\r"]))
def test_positions(texts: list[str], end: str) -> None:
    """The body cut at an event's end contains the events up to it."""
    body = "".join(f"data: {text}{end}{end}" for text in texts).encode()

    for number, event in enumerate(split_events(body), start=1):
        assert [each.data for each in split_events(body[: event.end])][:number] == [
            text.encode() for text in texts[:number]
        ]


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    """Any bytes are split without an error."""
    assert list(decoded(split_events(body))) == [] or b"data" in body


def test_cut_in_the_middle_of_an_event() -> None:
    """Half an event at the end of a cut stream is left out."""
    events = split_events(b'data: {"a":1}\n\ndata: {"a":')

    assert [value for _, value in decoded(events)] == [{"a": 1}]
