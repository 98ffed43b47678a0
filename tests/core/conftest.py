"""Fixtures of the tests of the core: a store in memory with a clock that stands still and ids that count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from baserun.testing import Captured, CountingIds, FakeClock, capture


@pytest.fixture(name="clock")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(name="captured")
def _captured(clock: FakeClock) -> Iterator[Captured]:
    with capture(clock=clock, ids=CountingIds()) as captured:
        yield captured
