"""Formatting dollars, counts and sizes."""

from __future__ import annotations

from decimal import Decimal

_SIGNIFICANT = 3
UNKNOWN = "unknown"


def dollars(amount: Decimal | None) -> str:
    """Return ``$12.30``, ``$0.0123`` or ``$0.000045``; an unknown amount is ``unknown``, never ``$0``."""
    if amount is None:
        return UNKNOWN
    if amount == 0:
        return "$0"
    if abs(amount) >= 1:
        return f"${amount:,.2f}"
    places = max(2, _SIGNIFICANT - 1 - amount.adjusted())
    digits = f"{amount:.{places}f}".rstrip("0")
    return "$" + digits.ljust(len("0.00"), "0")


def plain_dollars(amount: Decimal | None) -> str:
    """Return all digits and nothing else, for other programs; empty for an unknown amount."""
    return "" if amount is None else f"{amount.normalize():f}"


def count(number: int | None) -> str:
    """Return ``1,234``, ``123k`` or ``1.2M``; ``unknown`` for None."""
    if number is None:
        return UNKNOWN
    if number < 100_000:
        return f"{number:,}"
    if number < 999_500:
        return f"{number / 1_000:.0f}k"
    return f"{number / 1_000_000:.1f}M" if number < 999_500_000 else f"{number / 1_000_000_000:.1f}G"


def total(*numbers: int | None) -> int | None:
    """Return the sum of the known numbers; None if none is known."""
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def score_in_words(score: float) -> str:
    """Return a score of feedback, from 0 to 1, as ``0.75``."""
    return f"{score:.2f}"


def size(number: int) -> str:
    """Return bytes as ``512 B``, ``3.4 KB`` or ``12 MB``."""
    amount = float(number)
    for unit in ("B", "KB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 10 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def plural(number: int, noun: str, nouns: str | None = None) -> str:
    """Return ``1 call``, ``2 calls`` or ``1,234 calls``; `nouns` is the plural if it has more than an ``s``."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
