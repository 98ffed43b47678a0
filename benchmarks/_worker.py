"""One library in a process of its own: ``python -m benchmarks._worker LIBRARY MODEL_URL SINK_URL SIZE``.

It prints one JSON object: for every call what the library added to it, and what the plain call cost in the same rounds.
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
from benchmarks._measure import Measured, measure

STUB = "stub of the client"
NUMBERS = {
    "50-chunk stream": 8,
    "100 kB prompt": 20,
    STUB: 1000,
    f"{STUB}, searchable": 1000,
    f"{STUB}, 50-chunk stream": 500,
    f"{STUB}, 100 kB prompt": 20,
}
USUAL_NUMBER = 30
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
"""What any of the libraries patches."""


class Switch:
    """Puts what a library did to the client in and out of place, so that rounds with and without it can alternate."""

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
        """Let the client be as it was."""
        for owner, name, value, _ in self._changes:
            if value is not MISSING:
                setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)


def main() -> None:
    """Measure and print."""
    name, model, sink, size = sys.argv[1:]
    warnings.simplefilter("ignore")
    started: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        switch = Switch(lambda: started.append(LIBRARIES[name](sink, folder)))
        library = started[0]
        is_set = False

        def session() -> Any:
            return library.session() if is_set else contextlib.nullcontext()

        def on() -> None:
            nonlocal is_set
            is_set = True
            library.index()
            switch.on()

        def off() -> None:
            nonlocal is_set
            is_set = False
            switch.off()

        off()
        calls = Calls(model, session)
        found = {}
        for call, operation in calls.by_name().items():
            found[call] = _compared(call, operation, operation, library.settle, size, {PLAIN: off, call: on})
        if name.startswith("baserun"):
            found |= _stubs(library, size)
        calls.close()
        library.stop()
    print(json.dumps(found))


def _compared(
    call: str,
    plain: Callable[[], object],
    operation: Callable[[], object],
    settle: Callable[[], object],
    size: str,
    prepare: dict[str, Callable[[], object]],
) -> dict[str, Any]:
    is_smoke = size == "smoke"
    measured = measure(
        {PLAIN: plain, call: operation},
        number=2 if is_smoke else NUMBERS.get(call, USUAL_NUMBER),
        rounds=2 if is_smoke else ROUNDS,
        settle=settle,
        prepare=prepare,
    )
    return _as_json(measured, call)


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
    from benchmarks._stub import StubbedCall, StubbedClient

    return _compared(call, StubbedCall(wire, StubbedClient).make, StubbedCall(wire).make, settle, size, {call: prepare})


def _as_json(measured: Measured, call: str) -> dict[str, Any]:
    return {
        "added": measured.added(call, PLAIN),
        "plain": measured.costs[PLAIN],
        "scale": measured.scale,
    }


if __name__ == "__main__":
    main()
