"""Configuring Baserun."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from baserun._config import UNSET
from baserun._runtime import configure


def init(
    store: str | PathLike[str] | None = UNSET,
    *,
    server_url: str | None = UNSET,
    api_key: str | None = UNSET,
    environment: str | None = UNSET,
    enabled: bool = UNSET,
    capture_content: bool = UNSET,
    redact: str | Callable[[str, str], str] | None = UNSET,
    user_key: str | None = UNSET,
    fill_end_user: bool = UNSET,
    instrument: str | tuple[str, ...] = UNSET,
    retention_days: float | None = UNSET,
    flush_interval: float = UNSET,
    queue_bytes: int = UNSET,
    exit_timeout: float = UNSET,
    secret: str | None = UNSET,
    **unknown: Any,
) -> None:
    """Configure Baserun. Optional: without it the first use takes the environment and the defaults.

    Every option is also read from the environment as ``BASERUN_<NAME>``; an argument wins. Calling it again puts a new
    configuration in force, after what was recorded under the old one is written.

    Args:
        store: Where records live: ``sqlite`` (``./.baserun/baserun.sqlite3``, the default), a path, or a URL such as
            ``sqlite:////srv/app.sqlite3``. A relative path is fixed to the folder of this moment.
        server_url: Reserved; this version keeps records in a local store.
        api_key: Authenticates to `server_url`; without one it has no effect.
        environment: A name such as ``production``, recorded with every trace.
        enabled: False makes everything inert.
        capture_content: False keeps structure, tokens, cost and latency, and nothing of what was said.
        redact: ``default`` masks secrets such as API keys; None masks nothing; a function gets each text and its path
            (``input.messages[0].content``), on a background thread, and returns what to keep; it takes the place of the
            default, so begin with `mask_secrets`. When it fails the text is masked.
        user_key: A secret with which user identifiers are hashed before they leave the process.
        fill_end_user: Send the session's user as the provider's end-user parameter, where you gave none.
        instrument: ``auto`` records every supported client that is or gets imported; or a tuple of their names, such as
            ``("openai",)``; or ``none``.
        retention_days: Remove sessions that were not active for so many days; None (the default) removes nothing.
        flush_interval: Seconds between two batches; what a ``kill -9`` can lose.
        queue_bytes: How much may wait in memory while the store cannot be written.
        exit_timeout: Seconds that the end of the process may be delayed to write what is queued.
        secret: Signs session tokens where the web framework has no secret of its own.

    Raises:
        ConfigurationError: An option cannot be used as given.
        TypeError: There is no such option.
    """
    given = {name: value for name, value in locals().items() if name != "unknown" and value is not UNSET}
    configure({**given, **unknown})


def mask_secrets(text: str, path: str = "") -> str:
    """What the default of `redact` makes of a text; a function of your own, which takes its place, begins with this.

    Args:
        text: Any text.
        path: Where it stands (``metadata.headers.authorization``); a name can say that it is a secret.
    """
    from baserun._redact import mask_secrets as masked  # here, so that to import Baserun compiles no patterns

    return masked(text, path)
