"""A recorded session, replayed without network or key: 3 calls and 2 turns.

Written by `baserun sessions to-test`; the provider's answers are in recordings/order.json.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

TURNS: list[tuple[str, str | None]] = [
    ("Where is my order 4711?", "Your fountain pen is being packed. It ships tomorrow."),
    ("Great. Which ink goes with it?", "Our blue ink: it flows well, and it washes out."),
]
"""What the user said and what the application answered; None where the call failed: add an assertion for it below."""


@pytest.mark.baserun_replay("recordings/order.json")
def test_order(drive: Callable[[str], str | None]) -> None:
    """The application sends the recorded requests and gives the recorded answers."""
    for said, answered in TURNS:
        answer = drive(said)

        if answered is not None:
            assert answer == answered
