"""Processes that end without running exit handlers, in ways that are known: what is queued is written all the same."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn

from baserun._guard import guarded

Write = Callable[[], object]
"""Writes what is queued; takes a few seconds at most."""

_RQ_JOB = "RQ_JOB_ID"
"""An environment variable that RQ sets in the process that it starts for a job."""
_POOL_WORKER = "PoolWorker"
"""Part of the names that `multiprocessing.Pool` gives to its processes."""


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
    if process is None or util is None or process.parent_process() is None:
        return
    # -1: after the process has joined its own children, before the queues of multiprocessing (-5) wait for readers.
    util.Finalize(None, write_safely, exitpriority=-1)
    if _POOL_WORKER in process.current_process().name:
        _before_termination(write_safely)


def _before_exit_at_once(write: Write) -> None:
    """RQ ends the process of a job by `os._exit` as soon as the job has returned."""
    exit_at_once = os._exit

    def exit_after_writing(status: int) -> NoReturn:
        try:
            write()
        finally:
            exit_at_once(status)

    os._exit = exit_after_writing


def _before_shutdown(write: Write, signals: Any) -> None:
    """A process of Celery's prefork pool ends by `os._exit`, after a number of tasks if there is a limit to them.

    https://docs.celeryq.dev/en/stable/userguide/signals.html#worker-process-shutdown
    """
    signals.worker_process_shutdown.connect(lambda **_: write(), weak=False)


def _before_termination(write: Write) -> None:
    """A pool that is terminated, as at the end of ``with Pool() as pool:``, sends SIGTERM to its processes.

    The handler returns at once, and another thread writes: the interrupted code may hold a lock that writing needs.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        return

    def write_and_terminate() -> None:
        try:
            write()
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    def terminate(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _thread.start_new_thread(write_and_terminate, ())  # not a `Thread`, whose start takes a lock

    signal.signal(signal.SIGTERM, terminate)
