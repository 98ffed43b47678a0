"""Waiting until records are written: `flush` and `shutdown`; and `stats`, which counts them."""

from __future__ import annotations

from baserun._arguments import check_timeout
from baserun._current import runtime_if_any, stop
from baserun._ledger import Stats


def flush(timeout: float = 10.0) -> bool:
    """Wait until everything recorded before this call is written.

    Args:
        timeout: The longest wait, in seconds.

    Returns:
        True if all of it is committed to the store; False if time ran out or the store cannot be written.

    Raises:
        ConfigurationError: `timeout` is not a number of seconds.
    """
    seconds = check_timeout(timeout)
    current = runtime_if_any()
    return True if current is None else current.writer.flush(seconds)


def shutdown(timeout: float = 10.0) -> bool:
    """Write everything recorded, close the store, and restore the instrumented clients.

    The next use of Baserun starts it again, with the options of the last `init` and the environment at that time.

    Args:
        timeout: The longest wait, in seconds.

    Returns:
        True if everything is committed to the store.

    Raises:
        ConfigurationError: `timeout` is not a number of seconds.
    """
    return stop(check_timeout(timeout))


def stats() -> Stats:
    """Return the ledger of this process: records captured, stored, queued, and dropped by reason."""
    current = runtime_if_any()
    if current is None:
        return Stats(captured=0, stored=0, queued=0, dropped={}, queued_bytes=0)
    return current.writer.stats()
