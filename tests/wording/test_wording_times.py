"""Formats of durations and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from baserun.wording.times import ago, duration

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (None, "unknown"),
        (0, "0 ms"),
        (0.25, "0.2 ms"),
        (812.4, "812 ms"),
        (999.6, "1.00 s"),
        (12_340, "12.3 s"),
        (59_960, "1 min 0 s"),
        (192_000, "3 min 12 s"),
        (7_500_000, "2 h 5 min"),
        (360_000_000, "4 d 4 h"),
    ],
)
def test_durations_are_in_words(milliseconds: float | None, words: str) -> None:
    """A duration has two units at most, and an unknown one is not zero."""
    assert duration(milliseconds) == words


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=0), "just now"),
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=29), "29 d ago"),
    ],
)
def test_times_are_relative(passed: timedelta, words: str) -> None:
    """A time is shown by how long ago it was."""
    assert ago(NOW - passed, NOW) == words


def test_times_long_ago_are_dates() -> None:
    """A time more than a month ago is shown as its date."""
    assert ago(NOW - timedelta(days=31), NOW) == "2026-05-01"
