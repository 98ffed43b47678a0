"""Ids that look like the provider's and are the same in every run."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Ids:
    """A source of ids: the n-th id with a prefix depends on the seed, the prefix and n only."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._counts: Counter[str] = Counter()

    def hexadecimal(self, prefix: str, length: int) -> str:
        """Return an id like `resp_68e7...`, with `length` hexadecimal digits."""
        return prefix + self._next(prefix).hex()[:length]

    def letters(self, prefix: str, length: int) -> str:
        """Return an id like `chatcmpl-CNlvqMm...`, with `length` letters and digits."""
        return prefix + "".join(LETTERS[byte % len(LETTERS)] for byte in self._next(prefix)[:length])

    def _next(self, prefix: str) -> bytes:
        self._counts[prefix] += 1
        return sha256(f"{self._seed}:{prefix}:{self._counts[prefix]}".encode()).digest()
