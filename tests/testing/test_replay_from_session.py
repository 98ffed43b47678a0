"""From a session to a recording: it can be replayed, or the call that cannot be is named."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import baserun
from baserun.instrumentation import CallDetails, finish_call, start_call
from baserun.store import StoredSession
from baserun.testing import capture
from baserun.testing._replay.files import load
from baserun.testing._replay.generate import generate
from baserun.testing._replay.recording import RecordingError
from baserun.testing._replay.wire import pieces_of

WORDS = ("arguments", "content", "function", "id", "refusal", "role", "status", "summary", "text", "tool_calls", "type")
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = st.recursive(
    LEAVES | st.sampled_from([2**70, "\ud83d", "user", "message", "function_call", "reasoning"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=12,
)
CALLS = st.builds(
    CallDetails,
    operation=st.sampled_from(["chat", "text_completion"]),
    input=JSON,
    output=JSON | st.lists(JSON, max_size=3) | st.lists(st.dictionaries(st.sampled_from(WORDS), JSON), max_size=3),
    parameters=JSON,
    tool_calls=JSON,
    finish_reasons=JSON,
    stream=st.none() | st.booleans(),
    stream_end=st.sampled_from([None, "complete", "error", "network"]),
    response_id=st.sampled_from([None, "resp_1"]),
    error=st.sampled_from([None, ("ValueError", "broken")]),
    error_status_code=st.sampled_from([None, 200, 400]),
    error_body=JSON,
)


class Described:
    """A call's details, as an integration describes them."""

    def __init__(self, details: CallDetails) -> None:
        self._details = details

    def describe(self) -> CallDetails:
        return self._details


def stored(calls: Iterable[CallDetails]) -> StoredSession:
    """Record a session of these calls, and read it from the store."""
    with capture() as captured:
        with baserun.with_session("ada") as session:
            for details in calls:
                span = start_call(f"{details.operation} some-model")
                assert span is not None
                finish_call(span, Described(details), 100)
        assert captured.flush()
        found = captured.store.session(session.id)
    assert found is not None
    return found


@given(st.lists(CALLS, min_size=1, max_size=2))
def test_generated_recordings_can_be_replayed(
    tmp_path_factory: pytest.TempPathFactory, calls: list[CallDetails]
) -> None:
    """For calls with any details the recording reads back and replays, or `generate` refuses a call."""
    path = tmp_path_factory.mktemp("recordings") / "any.json"
    session = stored(calls)

    with suppress(RecordingError):
        path.write_text(generate(session, name="any").files["recordings/any.json"], encoding="utf-8")

    for call in load(path).calls if path.exists() else ():
        assert all(isinstance(piece, bytes) for piece in pieces_of(call.request, call.answer))


@pytest.mark.parametrize(
    ("operation", "output", "said"),
    [
        ("chat", "Hello", "has text as its output, and no list of messages"),
        ("chat", 5, "has a number as its output"),
        ("chat", {"content": "Hello"}, "has one object as its output"),
        ("chat", [{"content": "Hello"}, None], "has nothing in its output"),
        ("chat", [{"content": "Hello", "tool_calls": [7]}], "has an answer of a shape that no client is sent"),
        ("text_completion", ["Hello"], "has text in its output, in the place of a message"),
        ("text_completion", [{"text": 7}], "has an answer of a shape that no client is sent"),
    ],
)
def test_an_output_without_messages_is_refused_by_name(operation: str, output: Any, said: str) -> None:
    """An output without messages is refused, with the call's number, name and shape of output."""
    asked = [{"role": "user", "content": "Hello"}]
    session = stored([CallDetails(operation=operation, input=asked, output=output, stream=True)])

    with pytest.raises(RecordingError, match=rf"^Call 1 \({operation} some-model, .*{said}.*; it cannot be replayed"):
        generate(session)
