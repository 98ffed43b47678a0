"""The sources of times and ids, which tests can replace (`baserun.testing`)."""

from __future__ import annotations

import os
import random
import time
from typing import Protocol

_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
"""The variant digit of a UUID for each random digit, of which it keeps two bits."""


class Clock(Protocol):
    """Tells the time."""

    def now_us(self) -> int:
        """Return the microseconds since the Unix epoch, UTC."""

    def monotonic_ns(self) -> int:
        """Return nanoseconds since an arbitrary start, never decreasing; for durations."""


class Ids(Protocol):
    """Makes unique ids."""

    def session(self) -> str:
        """Return a random UUID (RFC 9562, version 4), unpredictable because it may be sent in a cookie."""

    def trace(self) -> str:
        """Return 32 lower-case hexadecimal digits (W3C Trace Context trace-id)."""

    def span(self) -> str:
        """Return 16 lower-case hexadecimal digits (W3C Trace Context parent-id)."""

    def annotation(self) -> str:
        """Return 32 lower-case hexadecimal digits."""


class SystemClock:
    """The machine's clocks."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    monotonic_ns = staticmethod(time.perf_counter_ns)


class RandomIds:
    """Random ids. Those of sessions are unpredictable; those of spans only need to be unique, and are cheaper."""

    def __init__(self) -> None:
        self.reseed()

    def reseed(self) -> None:
        """Seed the generator anew: the child of a fork would repeat its parent's ids."""
        self._bits = random.Random(os.urandom(32)).getrandbits

    def session(self) -> str:
        digits = os.urandom(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{_VARIANTS[digits[16]]}{digits[17:20]}-{digits[20:]}"

    def trace(self) -> str:
        return (self._bits(128) or 1).to_bytes(16, "big").hex()  # all zeros is invalid (W3C Trace Context, 3.2.2.3)

    def span(self) -> str:
        return (self._bits(64) or 1).to_bytes(8, "big").hex()

    annotation = trace
