"""Formats of money, counts and sizes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from baserun.wording.amounts import count, dollars, plain_dollars, size


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
