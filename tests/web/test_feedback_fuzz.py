"""Feedback posts with arbitrary bodies: each is answered with a message, and nothing is recorded without a token."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baserun
from baserun.testing import Captured
from baserun.web import MOST_BYTES, SessionPolicy, accept_feedback
from baserun.web._feedback import sign_feedback
from baserun.web._form import parse_form

KINDS = st.one_of(
    st.sampled_from(
        ["application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=b", "text/plain"]
    ),
    st.text(max_size=60),
)
PIECES = st.sampled_from(
    [b"--b", b"--b--", b"\r\n", b"\r\n\r\n", b'name="token"', b'name="stars"', b"=&=", b'{"token":', b"\xff"]
)
BODIES = st.one_of(
    st.binary(max_size=300), st.lists(st.one_of(PIECES, st.binary(max_size=9)), max_size=40).map(b"".join)
)
SETTINGS = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SETTINGS
@given(kind=KINDS, body=BODIES)
def test_garbage_is_refused_with_a_message(captured: Captured, kind: str, body: bytes) -> None:
    """Any body and content type without a token is refused with 400 or 403 and a message, and records nothing."""
    answer = accept_feedback(SessionPolicy(), kind, body)

    assert (answer.status in (400, 403), bool(answer.problem)) == (True, True)
    assert captured.annotations == []


JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=2))


@SETTINGS
@given(said=st.dictionaries(st.sampled_from(["name", "score", "thumbsup", "stars", "comment", "other"]), JSON))
def test_any_values_with_a_genuine_token_are_accepted_or_refused(captured: Captured, said: dict[str, Any]) -> None:
    """A genuine token with any values is answered with 204 or 400, and drops no record."""

    policy = SessionPolicy()
    with baserun.start_trace(name="answer") as trace:
        assert isinstance(trace, baserun.Trace)
        token = sign_feedback(policy.keys, trace)

    answer = accept_feedback(policy, "application/json", json.dumps({**said, "token": token}).encode())

    assert answer.status in (204, 400)
    assert captured.stats.dropped == {}


@pytest.mark.parametrize("line", [b"\r\n", b"\n"])
def test_a_form_in_parts_is_read_as_it_was_written(line: bytes) -> None:
    """Values of a multipart form keep their line ends and dashes, and text before the first part is ignored."""
    value = b"one" + line + b"two --b"
    body = b'before\r\n--b\r\nContent-Disposition: form-data; name="comment"\r\n\r\n' + value + b"\r\n--b--\r\n"

    assert parse_form('multipart/form-data; boundary="b"', body) == {"comment": value.decode()}


def test_too_much_is_refused(captured: Captured) -> None:
    """A body of more than `MOST_BYTES` is refused with 413."""
    assert accept_feedback(SessionPolicy(), "text/plain", b" " * (MOST_BYTES + 1)).status == 413
