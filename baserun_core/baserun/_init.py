"""Configuring Baserun."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from typing import Any

from baserun._config import UNSET
from baserun._current import configure
from baserun.exceptions import ConfigurationError


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
    """Configure Baserun. Optional: without it, the first use takes the environment and the defaults.

    Every option is also read from the environment variable ``BASERUN_<NAME>``; an argument wins. Calling it again with
    other options writes everything recorded so far, and then replaces the configuration; with the same ones, as a
    script does that Streamlit or a notebook runs again, it has no effect.

    Args:
        store: Where records are kept: ``sqlite`` (``./.baserun/baserun.sqlite3``, the default), a path, or a URL such
            as ``sqlite:////srv/app.sqlite3``. A relative path is resolved against the current folder at this call.
        server_url: Reserved; this version keeps records in a local store.
        api_key: Authenticates to `server_url`; has no effect without it.
        environment: A name such as ``production``, recorded with every trace.
        enabled: False records nothing, instruments nothing and opens no file.
        capture_content: False records structure, tokens, cost and latency, but no input, output or other content.
        redact: ``default`` masks secrets such as API keys; None masks nothing. A function takes each text and its path
            (``input[0].content``) and returns the text to store. It runs on a background thread, in place of
            the default, so call `mask_secrets` first. If it raises, the text is masked.
        user_key: A secret key; user identifiers leave the process only as HMAC-SHA256 hashes under it.
        fill_end_user: Send the session's user as the provider's end-user parameter unless the call has one.
        instrument: ``auto`` (every supported client, as soon as it is imported), ``none``, or a tuple of the clients'
            names, such as ``("openai",)``.
        retention_days: Remove sessions that were inactive for this many days; None (the default) removes nothing.
        flush_interval: Seconds between two batches, 0.05 by default; a ``kill -9`` loses that and the batch in flight.
        queue_bytes: Bytes that may wait in memory while the store cannot be written, 64 MiB by default; further records
            are dropped and counted.
        exit_timeout: Seconds that the exit of the process may wait for queued records, 2 by default.
        secret: Signs session tokens where the web framework has no secret of its own.

    Raises:
        ConfigurationError: An option cannot be used as given.
        TypeError: There is no such option.
    """
    given = {name: value for name, value in locals().items() if name != "unknown" and value is not UNSET}
    configure({**given, **unknown})


def mask_secrets(text: str, path: str = "") -> str:
    """Mask the secrets in a text, as the default of `redact` does; call it first in a `redact` function of your own.

    Args:
        text: Any text.
        path: Where the text was found, such as ``metadata.headers.authorization``: some names mark a secret.

    Returns:
        The text with API keys, bearer tokens, private keys and card numbers masked.

    Raises:
        ConfigurationError: `text` or `path` is not a str.
    """
    from baserun._redact import mask_secrets as masked  # not at the top: importing Baserun compiles no patterns

    if not isinstance(text, str):
        raise ConfigurationError(f"mask_secrets() takes a text, not {type(text).__name__}; write str(value)")
    if not isinstance(path, str):
        raise ConfigurationError(f"path must be a str such as 'metadata.api_key', not {path!r}")
    return masked(text, path)
