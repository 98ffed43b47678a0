"""Answers requests from a recording, each recorded call once."""

from __future__ import annotations

import threading
from typing import Any

from baserun.testing._replay.canonical import Canon
from baserun.testing._replay.difference import difference
from baserun.testing._replay.recording import Answer, Recording, Request


class Player:
    """Gives each request the answer of the first equal recorded call that was not played yet."""

    def __init__(self, recording: Recording, canon: Canon) -> None:
        self._calls = [
            (number, canon.request(call.request.method, call.request.path, call.request.body), call.answer)
            for number, call in enumerate(recording.calls, 1)
        ]
        self._left = list(self._calls)
        self._canon = canon
        self._lock = threading.Lock()
        self._latest: list[tuple[Request, Answer]] = []
        self.mismatches: list[str] = []
        """Descriptions of the requests that are not in the recording."""

    @property
    def unplayed(self) -> list[str]:
        """Descriptions of the recorded calls that were not made."""
        return [f"call {number}: {_named(request)}" for number, request, _ in self._left]

    def answer(self, method: str, path: str, body: Any, *, is_retry: bool) -> Answer | None:
        """Return the answer to a request, for a retry the same as before; None if the recording has none left."""
        asked = self._canon.request(method, path, body)
        with self._lock:
            if is_retry:
                again = next((answer for request, answer in reversed(self._latest) if request == asked), None)
                if again is not None:
                    return again
            for call in self._left:
                if call[1] == asked:
                    self._left.remove(call)
                    self._latest.append((asked, call[2]))
                    return call[2]
            return None

    def explain(self, method: str, path: str, body: Any) -> str:
        """Explain why there is no answer to a request, and add that to the mismatches."""
        asked = self._canon.request(method, path, body)
        with self._lock:
            told = "\n".join(self._explained(asked))
            self.mismatches.append(told)
        return told

    def _explained(self, asked: Request) -> list[str]:
        known = next((number for number, request, _ in self._calls if request == asked), None)
        if known is not None:
            return [f"{_named(asked)} was asked again; the recording has it {self._times(asked)}, as call {known}."]
        if not self._left:
            return [f"{_named(asked)} was asked, and all {len(self._calls)} recorded calls have been played."]
        number, nearest, _ = next((call for call in self._left if call[1].path == asked.path), self._left[0])
        head = f"{_named(asked)} is not in the recording. The next recorded call, number {number}, differs:"
        return [head, *(f"  {line}" for line in difference(nearest, asked))]

    def _times(self, asked: Request) -> str:
        count = sum(request == asked for _, request, _ in self._calls)
        return "once" if count == 1 else f"{count} times"


def _named(request: Request) -> str:
    model = request.body.get("model") if isinstance(request.body, dict) else None
    return f"{request.method} {request.path} ({model})" if model else f"{request.method} {request.path}"
