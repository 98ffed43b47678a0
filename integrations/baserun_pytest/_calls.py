"""The calls of one test, for assertions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload

from baserun.store import StoredCall


class RecordedCalls(Sequence[StoredCall]):
    """The finished calls that a test has made so far, in the order in which they began.

    Each access reads them again, so it includes calls made since the last one.
    """

    def __init__(self, read: Callable[[], list[StoredCall]]) -> None:
        self._read = read

    @overload
    def __getitem__(self, index: int) -> StoredCall: ...

    @overload
    def __getitem__(self, index: slice) -> list[StoredCall]: ...

    def __getitem__(self, index: int | slice) -> StoredCall | list[StoredCall]:
        return self._read()[index]

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"<baserun_calls {[call.name for call in self._read()]}>"
