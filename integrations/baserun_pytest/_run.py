"""The run as a whole: its store and its session; with pytest-xdist one session for each worker."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from baserun.store import StoreLocation

_RUN_KEY = "baserun_run"
_STORE_KEY = "baserun_store"


def run_of(config: pytest.Config) -> Run:
    """Return the run of this process; in a worker, the run that it takes part in."""
    given: dict[str, Any] = getattr(config, "workerinput", {})
    if _RUN_KEY in given:
        return Run(config, given[_RUN_KEY], given[_STORE_KEY], worker=given["workerid"])
    place = _place_of(config)
    run_id = f"pytest-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"
    return Run(config, run_id, place.path, is_kept=not place.is_temporary)


def _place_of(config: pytest.Config) -> StoreLocation:
    from baserun.exceptions import ConfigurationError
    from baserun.store import resolve

    try:
        place = resolve(config.option.baserun_store or os.environ.get("BASERUN_STORE") or None)
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from None
    # Checked now: if the first record fails instead, each test waits for it.
    there = next(parent for parent in Path(place.path).parents if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise pytest.UsageError(
            f"The store {place.path} cannot be written: {there} is no folder in which files can be made."
        )
    return place


class Run:
    """One call of `pytest --baserun`."""

    def __init__(
        self, config: pytest.Config, run_id: str, store: str, worker: str | None = None, *, is_kept: bool = True
    ) -> None:
        self._config = config
        self.id = run_id
        self.store = store
        self.is_kept = is_kept
        self.session_id = run_id if worker is None else f"{run_id}-{worker}"
        self.metadata: dict[str, Any] = {"run": run_id} if worker is None else {"run": run_id, "worker": worker}

    @property
    def is_here(self) -> bool:
        """Whether tests run in this process, rather than in workers."""
        return not self._has_workers

    @property
    def _has_workers(self) -> bool:
        is_worker = hasattr(self._config, "workerinput")
        return not is_worker and bool(getattr(self._config.option, "tx", None))

    @property
    def place(self) -> str:
        """The path of the store, relative to the folder that pytest was started in if it is inside."""
        if not self.is_kept:
            return "memory"
        path, here = Path(self.store), self._config.invocation_params.dir
        return str(path.relative_to(here)) if path.is_relative_to(here) else self.store

    def command(self, arguments: str) -> str:
        """Return a command of `baserun` for the store of the run."""
        given = self._config.option.baserun_store
        option = "" if not given else f"--store {shlex.quote(given)} "
        return f"baserun {option}{arguments}"

    def pytest_report_header(self) -> str:
        """Name the session and the store."""
        return f"baserun: session {self.id} in {self.place}"

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker of pytest-xdist which run it takes part in."""
        node.workerinput[_RUN_KEY] = self.id
        node.workerinput[_STORE_KEY] = self.store
