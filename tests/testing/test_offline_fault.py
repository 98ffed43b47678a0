"""Faults written as text: how they are read, and which are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun.testing import Fault
from baserun.testing._offline.fault import parse_fault


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("status=429,times=2,retry-after=0", Fault(status=429, times=2, retry_after=0)),
        ("delay=0.5 , chunk_delay=1e-3", Fault(delay=0.5, chunk_delay=0.001)),
        ("gzip, malformed=no", Fault(gzip=True)),
        ("cut=body,after=3,reset", Fault(cut="body", after=3, reset=True)),
        ("times=always,stream-error=Overloaded", Fault(times=None, stream_error="Overloaded")),
        ("", Fault()),
    ],
)
def test_reads_a_fault(text: str, fault: Fault) -> None:
    """A fault is written as names and values."""
    assert parse_fault(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sttus=429", "There is no fault 'sttus'; write one of times, status"),
        ("status=many", "takes a number, not 'many'; write status=1"),
        ("status=200", "200 is not in 400..599"),
        ("times=0", "times=1 or more"),
        ("cut=middle", "not in 'middle'"),
        ("gzip=perhaps", "true or false, not 'perhaps'"),
        ("bytes-per-second=0", "more than 0"),
    ],
)
def test_refuses_mistakes(text: str, message: str) -> None:
    """A mistake raises with its value and what to write instead."""
    with pytest.raises(ValueError, match=message):
        parse_fault(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Any text is read as a fault or raises `ValueError`, and no other error."""
    try:
        fault = parse_fault(text)
    except ValueError:
        return

    assert isinstance(fault, Fault)
