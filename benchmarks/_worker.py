"""Measures one library in its own process: ``python -m benchmarks._worker LIBRARY MODEL_URL SINK_URL SIZE``.

It prints one JSON object: for each call, the cost that the library added and the cost of the plain call in the same
rounds.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import openai
from openai import _base_client
from openai.resources.chat import completions

from benchmarks._client_calls import Calls
from benchmarks._conversation import Wire, Writer
from benchmarks._libraries import LIBRARIES, Library
from benchmarks._measure import compare, measure

STUB = "stub of the client"
NUMBERS = {
    "50-chunk stream": 20,
    "100 kB prompt": 20,
    STUB: 1000,
    f"{STUB}, searchable": 1000,
    f"{STUB}, 50-chunk stream": 500,
    f"{STUB}, 100 kB prompt": 20,
}
USUAL_NUMBER = 60
ROUNDS = 11
PLAIN = "plain"
MISSING = object()
OWNERS: tuple[type, ...] = (
    _base_client.BaseClient,
    _base_client.SyncAPIClient,
    _base_client.AsyncAPIClient,
    openai.OpenAI,
    openai.AsyncOpenAI,
    completions.Completions,
    completions.AsyncCompletions,
)
"""The classes that any of the libraries patches."""


class Switch:
    """Applies and reverts a library's changes to the client, so that calls with and without it can alternate."""

    def __init__(self, install: Callable[[], object]) -> None:
        before = {owner: dict(vars(owner)) for owner in OWNERS}
        install()
        self._changes = [
            (owner, name, before[owner].get(name, MISSING), value)
            for owner in OWNERS
            for name, value in list(vars(owner).items())
            if before[owner].get(name, MISSING) is not value
        ]
        if not self._changes:
            raise RuntimeError("it changed nothing of the client")

    def on(self) -> None:
        """Instrument the client."""
        for owner, name, _, value in self._changes:
            setattr(owner, name, value)

    def off(self) -> None:
        """Restore the client."""
        for owner, name, value, _ in self._changes:
            if value is not MISSING:
                setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)


def main() -> None:
    """Measure the library and print the result."""
    name, model, sink, size = sys.argv[1:]
    warnings.simplefilter("ignore")
    started: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        switch = Switch(lambda: started.append(LIBRARIES[name](sink, folder)))
        library = started[0]
        is_on = False

        def session() -> Any:
            return library.session() if is_on else contextlib.nullcontext()

        def turn(on: bool) -> None:
            nonlocal is_on
            is_on = on
            (switch.on if on else switch.off)()

        calls = Calls(model, session)
        found = {call: _called(call, operation, turn, library, size) for call, operation in calls.by_name().items()}
        if name.startswith("baserun"):
            found |= _stubs(library, size)
        calls.close()
        library.stop()
    print(json.dumps(found))


def _called(
    call: str, operation: Callable[[], object], turn: Callable[[bool], None], library: Library, size: str
) -> dict[str, Any]:
    """Measure one call of the client, alternating with and without the library."""
    library.index()
    for on in (False, True):
        turn(on)
        operation()
    library.settle()
    number, rounds = _extent(call, size)
    compared = compare(operation, operation, number=number, rounds=rounds, switch=turn, settle=library.settle)
    return compared._asdict()


def _extent(call: str, size: str) -> tuple[int, int]:
    """Return how often a call runs in a round, and the number of rounds."""
    return (2, 2) if size == "smoke" else (NUMBERS.get(call, USUAL_NUMBER), ROUNDS)


def _stubs(library: Library, size: str) -> dict[str, dict[str, Any]]:
    def settle_and_index() -> None:
        library.settle()
        library.index()

    writer = Writer(3)
    usual = writer.call()
    return {
        call: _stub(call, wire, settle, library.index, size)
        for call, wire, settle in (
            (STUB, usual, library.settle),
            (f"{STUB}, searchable", usual, settle_and_index),
            (f"{STUB}, 50-chunk stream", writer.streamed_call(), library.settle),
            (f"{STUB}, 100 kB prompt", writer.long_call(), library.settle),
        )
    }


def _stub(
    call: str, wire: Wire, settle: Callable[[], object], prepare: Callable[[], object], size: str
) -> dict[str, Any]:
    """Measure one call of the stubbed client: the mean of many in a row, with the background work that they cause."""
    from benchmarks._stub import StubbedCall, StubbedClient

    number, rounds = _extent(call, size)
    operations = {PLAIN: StubbedCall(wire, StubbedClient).make, call: StubbedCall(wire).make}
    measured = measure(operations, number=number, rounds=rounds, settle=settle, prepare={call: prepare})
    return {"added": measured.added(call, PLAIN), "plain": measured.costs[PLAIN], "scale": measured.scale}


if __name__ == "__main__":
    main()
