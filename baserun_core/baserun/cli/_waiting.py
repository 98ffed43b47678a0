"""Waiting for another process that writes to the store, and printing that."""

from __future__ import annotations

from contextlib import closing

import click

from baserun.cli._stores import opened_location
from baserun.exceptions import StoreLockedError

_SILENCE = 1.0
"""Seconds to wait silently; a batch takes milliseconds."""


def say_if_locked() -> None:
    """Print to standard error if another process holds the lock; the write that follows waits for it without limit."""
    from baserun.store.sqlite._lock import WriteLock

    with closing(WriteLock(opened_location().path)) as lock:
        try:
            with lock.held(_SILENCE):
                return
        except StoreLockedError:
            click.echo(f"baserun: another process is writing to the store ({lock.path}); waiting for it.", err=True)
