"""The one piece of process-wide state: the current configuration, and the recorder and writer made from it.

It is created at first use: `init`, any session or trace call, constructing a middleware, or setting `api_key`.
"""

from __future__ import annotations

import atexit
import os
import threading
from os import getpid
from typing import Any

import msgspec

from baserun import _fork
from baserun._clock import Clock, Ids
from baserun._config import Config, Sources, resolve
from baserun._guard import guarded, report
from baserun._options import GivenOptions
from baserun._recorder import Recorder
from baserun._runtime import Runtime

_CUT_PATIENCE = 10.0
"""Seconds that a fork waits for a running transaction or import, which wait for nothing else."""

_runtime: Runtime | None = None
_blocks: list[Runtime] = []
"""The runtimes of open blocks of `baserun.testing.capture`, the latest last."""
_outside: Runtime | None = None
"""The runtime that becomes current after these blocks; None without a block."""
_given = GivenOptions()
_lock = threading.RLock()
_hooked = False
_process = getpid()
"""The process that all of this belongs to."""
_fork_locks: dict[int, threading.RLock] = {}
"""For each process the lock of `_after_unnoticed_fork`: one of another process may be held by a thread that is gone."""


def runtime() -> Runtime:
    """Return the current runtime; the first call creates it."""
    return runtime_if_any() or _first_use()


def runtime_if_any() -> Runtime | None:
    """Return the runtime of this process; None before first use."""
    return _runtime if _process == getpid() else _after_unnoticed_fork()


def recorder() -> Recorder:
    """Return the current recorder; with ``enabled=False`` it records nothing."""
    return (runtime_if_any() or _first_use()).recorder


def running_recorder() -> Recorder | None:
    """Return the current recorder, or None with ``enabled=False``."""
    return (runtime_if_any() or _first_use()).recorder_if_enabled


def configure(given: dict[str, Any]) -> None:
    """Replace the configuration, after the records queued under the previous one are written.

    Within a block of `baserun.testing.capture`, which records what happens in it, that is put off until its end.

    Nothing is replaced if nothing changes: scripts that run again and again, as in Streamlit or a notebook, call `init`
    each time, and must not disturb what others record meanwhile.

    Raises:
        ConfigurationError: An option cannot be used.
        TypeError: There is no such option.
    """
    global _outside
    config, sources = _given.resolved(initial=given)
    runtime_if_any()  # starts over after an unnoticed fork
    with _lock:
        _given.initialise(given)
        is_captured = _runtime is not None and _runtime.is_of_block
        configured = _outside if is_captured else _runtime
        if configured is not None and configured.has(config, sources):
            return
        fresh = Runtime(config, sources)
        if _blocks:
            _close_outside()
            _outside = fresh
        if not is_captured:
            _replace(fresh)


def pin(options: dict[str, Any]) -> None:
    """Let these options override `init` and the environment from now on; `{}` ends that.

    The current runtime is shut down; the next use starts it again with these options and the application's others. In
    a block of `baserun.testing.capture`, that is the runtime which becomes current after the block.
    """
    with _lock:
        _given.pin(options)
        _close_outside()
        if _runtime is not None and not _runtime.is_of_block:
            stop()


def set_option(name: str, value: Any) -> None:
    """Set one option outside `init`, for ``baserun.api_key = ...``; this counts as first use."""
    with _lock:
        checked = _given.assign(name, value)
        running = runtime()
        running.config = msgspec.structs.replace(running.config, **{name: checked})


def option(name: str) -> Any:
    """Return the value of an option; this does not count as first use."""
    return _given.get(name) if _runtime is None else getattr(_runtime.config, name)


def configuration() -> Config:
    """Return the options as they are, or would be at first use; this does not count as one."""
    return _given.resolved()[0] if _runtime is None else _runtime.config


def stop(timeout: float = 10.0) -> bool:
    """Stop the current runtime, and return whether everything is committed; the next use starts another."""
    global _runtime
    runtime_if_any()  # starts over after an unnoticed fork
    with _lock:
        previous, _runtime = _runtime, None
        return True if previous is None else previous.stop(timeout)


def reset() -> None:
    """Return to the state of a new process; for tests."""
    from baserun._guard import forget_what_was_said

    _close_outside()
    stop()
    _given.clear()
    forget_what_was_said()


def _first_use() -> Runtime:
    with _lock:
        return _replace(_built()) if _runtime is None else _runtime


def _built() -> Runtime:
    """Build a runtime from the options of the last `init` and the environment."""
    try:
        return Runtime(*_given.resolved())
    except Exception as error:  # the application called another function, which must not raise for this
        report("starting", error)
        return Runtime(Config(enabled=False), Sources({}, ()))


def _replace(fresh: Runtime) -> Runtime:
    global _runtime
    with _lock:
        previous, _runtime = _runtime, fresh
        _hook_process()
        if previous is not None:  # not `stop`: calls that other threads make meanwhile are recorded by `fresh`
            previous.writer.close(previous.config.exit_timeout)
        with guarded("starting"):
            fresh.start()
    return fresh


# Blocks of `baserun.testing.capture`.


def build(given: dict[str, Any], *, clock: Clock | None = None, ids: Ids | None = None) -> Runtime:
    """Build a runtime from these options alone, without the environment, for `enter_block`."""
    config, sources = resolve(given, {})
    return Runtime(config, sources, clock, ids, is_of_block=True)


def enter_block(block: Runtime) -> None:
    """Make the runtime of a block of `baserun.testing.capture` current."""
    global _outside
    with _lock:
        if not _blocks:
            _outside = _runtime
        _blocks.append(block)
        _show(block)


def leave_block(block: Runtime) -> None:
    """Make the runtime of the block around this one current again, or after the outermost the one outside.

    If blocks end out of order, in threads or tasks, the latest that is still open stays current.
    """
    global _outside
    with _lock:
        is_latest = _blocks[-1] is block
        _blocks.remove(block)
        if is_latest:
            around = _blocks[-1] if _blocks else _outside
            _show(None if around is None or around.is_stopped else around)
        if not _blocks:
            _outside = None


def is_capturing() -> bool:
    """Whether a block of `baserun.testing.capture` is open."""
    return bool(_blocks)


def outside() -> Runtime:
    """Return the runtime that is current outside of all blocks of `capture`; the first call creates it."""
    global _outside
    with _lock:
        if not _blocks:
            return runtime()
        if _outside is None:
            _outside = _built()
        return _outside


def _show(chosen: Runtime | None) -> None:
    """Make a runtime current; close the previous one if it was begun after a `shutdown` within a block."""
    global _runtime
    from baserun._instrument import uninstrument

    left, _runtime = _runtime, chosen
    _hook_process()
    with guarded("starting"):
        if chosen is None:
            uninstrument()
        else:
            chosen.start()
    if left is not None and left is not _outside and not left.is_of_block:
        left.writer.close(left.config.exit_timeout)


def _close_outside() -> None:
    """Close the runtime outside of the blocks of `capture`, if there are any."""
    global _outside
    left, _outside = _outside, None
    if left is not None and left is not _runtime:
        left.writer.close(left.config.exit_timeout)


# The end of the process, and forks.


def _hook_process() -> None:
    global _hooked
    if _hooked:
        return
    _hooked = True
    import logging  # noqa: F401  (its fork hooks must be registered before ours, to hold its lock only inside them)

    atexit.register(_at_exit)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
        )


def _at_exit() -> None:
    current = runtime_if_any()
    if current is not None:
        with guarded("writing what is queued at exit"):
            current.writer.at_exit()


def _before_fork() -> None:
    if _runtime is not None:
        _runtime.writer.before_fork()
    _fork.before(_CUT_PATIENCE)  # also without a runtime: one that was replaced may still be writing


def _after_fork_in_parent() -> None:
    _fork.after_in_parent()
    if _runtime is not None:
        _runtime.writer.after_fork_in_parent()


def _after_fork_in_child() -> None:
    global _lock, _process
    _lock = threading.RLock()
    _fork.after_in_child()
    if _runtime is not None:
        with guarded("starting over in the child of a fork"):
            _runtime.after_fork_in_child()
    _process = getpid()


def _after_unnoticed_fork() -> Runtime | None:
    """Start over in a process that was forked without Python's hooks, as uWSGI does; return the current runtime.

    Otherwise the workers would make the same ids, and wait for a thread that only their parent has.
    """
    with _fork_locks.setdefault(getpid(), threading.RLock()):
        if _process != getpid():
            _after_fork_in_child()
    return _runtime
