"""A recorded session, played again without network and key: 3 calls and 2 turns.

Written by `baserun sessions to-test`; what the provider answered is in recordings/order.json.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

TURNS: list[tuple[str, str | None]] = [
    ("Where is my order 4711?", "Your fountain pen is being packed. It ships tomorrow."),
    ("Great. Which ink goes with it?", "Our blue ink: it flows well, and it washes out."),
]
"""What the person said, and what the application answered; None where the call failed: see there what it shall do."""


@pytest.mark.baserun_replay("recordings/order.json")
def test_order(drive: Callable[[str], str | None]) -> None:
    """The application asks the model what it asked then, and answers as it did."""
    for said, answered in TURNS:
        answer = drive(said)

        if answered is not None:
            assert answer == answered
