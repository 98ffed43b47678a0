"""Formats of money, counts, sizes, durations and times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from baserun.cli._render._amounts import count, dollars, plain_dollars, size
from baserun.cli._render._time import ago, duration

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (None, "unknown"),
        ("0", "$0"),
        ("0.000000001", "$0.000000001"),
        ("0.0000451", "$0.0000451"),
        ("0.012345", "$0.0123"),
        ("0.5", "$0.50"),
        ("0.999", "$0.999"),
        ("0.9999", "$1.00"),
        ("1", "$1.00"),
        ("12345.678", "$12,345.68"),
    ],
)
def test_dollars_have_the_digits_they_need(amount: str | None, words: str) -> None:
    """Small amounts have three significant digits, large ones cents, and an unknown one is not zero."""
    assert dollars(None if amount is None else Decimal(amount)) == words


def test_programs_get_every_digit_of_an_amount() -> None:
    """`plain_dollars` has no exponent, rounding or currency sign, and is empty for an unknown amount."""
    assert plain_dollars(Decimal("4.5E-5")) == "0.000045"
    assert plain_dollars(Decimal("1E+2")) == "100"
    assert plain_dollars(None) == ""


@pytest.mark.parametrize(
    ("number", "words"),
    [(None, "unknown"), (0, "0"), (1234, "1,234"), (123_456, "123k"), (999_999, "1.0M"), (12_345_678_901, "12.3G")],
)
def test_counts_stay_short(number: int | None, words: str) -> None:
    """Large counts are rounded and get a unit, and an unknown one is not zero."""
    assert count(number) == words


@pytest.mark.parametrize(("number", "words"), [(0, "0 B"), (1500, "1.5 KB"), (12_000_000, "12 MB"), (5e12, "5.0 TB")])
def test_sizes_have_a_unit(number: float, words: str) -> None:
    """Sizes in bytes are shown in the unit that fits."""
    assert size(int(number)) == words


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
