"""Waiting for somebody else who writes, and saying so."""

from __future__ import annotations

from contextlib import closing

import click

from baserun.cli._stores import opened_location
from baserun.exceptions import StoreLockedError

_SILENCE = 1.0
"""Seconds to wait without a word; a batch takes milliseconds."""


def say_if_locked() -> None:
    """Say on standard error that somebody holds the lock; what writes next waits for it as long as it takes."""
    from baserun.store.sqlite._lock import WriteLock

    with closing(WriteLock(opened_location().path)) as lock:
        try:
            with lock.held(_SILENCE):
                return
        except StoreLockedError:
            click.echo(f"baserun: another process is writing to the store ({lock.path}); waiting for it.", err=True)
