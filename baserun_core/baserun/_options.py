"""The options that the application has given so far, of which the configuration is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from baserun._config import Config, Sources, resolve
from baserun.store._location import resolve as locate


class GivenOptions:
    """Options of the module, of `init`, and of a recorded test run. The lock of the runtime guards them."""

    def __init__(self) -> None:
        self._assigned: dict[str, Any] = {}
        """Assigned to the module, such as `api_key`."""
        self._initial: dict[str, Any] = {}
        """Of the last `init`; Baserun starts again with them after a `shutdown`."""
        self._pinned: dict[str, Any] = {}
        """Of a test run that is recorded; they override all others and the environment."""

    def resolved(self, initial: Mapping[str, Any] | None = None) -> tuple[Config, Sources]:
        """Build the configuration from these options and the environment; `initial` replaces those of `init`.

        Raises:
            ConfigurationError: An option cannot be used.
            TypeError: There is no such option.
        """
        config, sources = resolve({**self._assigned, **(self._initial if initial is None else initial)})
        return msgspec.structs.replace(config, **self._pinned), sources

    def initialise(self, initial: Mapping[str, Any]) -> None:
        """Take the options of an `init`, in place of those of the last and of what was assigned before."""
        self._initial = _located(initial)
        for name in initial:
            self._assigned.pop(name, None)

    def assign(self, name: str, value: Any) -> Any:
        """Take one option that was assigned to the module, and return its value as the configuration has it.

        Raises:
            ConfigurationError: It cannot be used.
        """
        checked, _ = resolve({name: value}, {})
        self._assigned[name] = getattr(checked, name)
        self._initial.pop(name, None)
        return self._assigned[name]

    def pin(self, options: Mapping[str, Any]) -> None:
        """Let these options override all others; `{}` ends that."""
        self._pinned = _located(options)

    def get(self, name: str) -> Any:
        """Return the value of an option as it was given; None if it was not."""
        return {**self._assigned, **self._initial}.get(name)

    def clear(self) -> None:
        """Forget what was assigned and given to `init`."""
        self._assigned.clear()
        self._initial.clear()


def _located(options: Mapping[str, Any]) -> dict[str, Any]:
    # Resolved now: the application may change its folder later.
    return {**options, "store": locate(options["store"])} if "store" in options else dict(options)
