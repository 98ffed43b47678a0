"""Processes that end without running exit handlers, in ways that are known: what is queued is written all the same."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, NoReturn

from baserun._guard import guarded

Write = Callable[[], object]
"""Writes what is queued; takes a few seconds at most."""

_SHARE = 0.1
"""The part of the time that an `Allowance` grows by."""
_LEAST = 0.02
"""Seconds; enough for a batch, so that records in quick succession are written together."""
_RQ_JOB = "RQ_JOB_ID"
"""An environment variable that RQ sets in the process that it starts for a job."""
_RAY = "RAY_RAYLET_PID"
"""An environment variable that Ray sets in the workers that it starts, and kills when it shuts down."""


def write_before_end(write: Write) -> None:
    """Call `write` before this process ends, if it is a child of `multiprocessing`, or a worker of Celery or RQ."""

    def write_safely() -> None:
        with guarded("writing what is queued before a process ends"):
            write()

    if _RQ_JOB in os.environ:
        _before_exit_at_once(write_safely)
    if "celery.signals" in sys.modules:
        _before_shutdown(write_safely, sys.modules["celery.signals"])
    process, util = sys.modules.get("multiprocessing.process"), sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        # -1: after it has joined its own children, before the queues of multiprocessing (-5) wait for readers.
        util.Finalize(None, write_safely, exitpriority=-1)


def ends_without_notice() -> bool:
    """Whether this process is a worker of Ray, or of a `multiprocessing.Pool`, which ``with Pool() as pool:`` kills.

    They get no handler of SIGTERM that would write: Python would not run it while a worker waits for a lock of another
    that was killed, and the pool would wait for that worker for ever.
    """
    process = sys.modules.get("multiprocessing.process")
    return _RAY in os.environ or (process is not None and "PoolWorker" in process.current_process().name)


class Allowance:
    """The time that records may take from the application's threads, where they are to be written at once.

    Args:
        most: The seconds of it at the beginning, and at most.
    """

    def __init__(self, most: float) -> None:
        self._most = self._left = most
        self._counted_at = time.monotonic()

    def spend(self, write: Callable[[float], object]) -> None:
        """Call `write` with the seconds that it may take, unless hardly any are left."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._counted_at) * _SHARE)
        self._counted_at = now
        if self._left > _LEAST:
            write(self._left)
            self._left -= time.monotonic() - now


def _before_exit_at_once(write: Write) -> None:
    """Write before RQ ends the process of a job, as it does by `os._exit` as soon as the job has returned."""
    exit_at_once = os._exit

    def exit_after_writing(status: int) -> NoReturn:
        try:
            write()
        finally:
            exit_at_once(status)

    os._exit = exit_after_writing


def _before_shutdown(write: Write, signals: Any) -> None:
    """Write before a process of Celery's prefork pool ends, as it does by `os._exit`, maybe after a number of tasks.

    https://docs.celeryq.dev/en/stable/userguide/signals.html#worker-process-shutdown
    """
    signals.worker_process_shutdown.connect(lambda **_: write(), weak=False)
